/*
 * What the forked child of a process on demand does before it executes the
 * program: it waits for its predecessor, finds out who its owner is, and makes
 * his directory. Still root, but not master: what takes long here (accounts of
 * the network) holds nobody else up, and what hangs is ended by an alarm.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/birth.h"
#include "base/log.h"
#include "master/master.h"

enum {
	CONTROL_FD = 3,
	PREDECESSOR_WAIT = 8000,	/* ms */
	LOOKUP_WAIT = 20,		/* s */
};

static int
tell_owner(const struct owner *owner, struct error *error)
{
	struct control_message message = { .version = CONTROL_VERSION,
		.kind = CONTROL_OWNER };
	snprintf(message.text, sizeof(message.text), "%s", owner->name);
	return control_send(CONTROL_FD, &message, NULL, 0, error);
}

int
starter_run(const struct master *master, const struct child *child,
	pid_t before, struct owner *owner)
{
	const struct config *config = master->config;
	struct error error;
	/* it was told to end, and is killed when it does not */
	if (before != 0)
		birth_wait_for(before, PREDECESSOR_WAIT);
	alarm(LOOKUP_WAIT);
	int result = owner_find(child->instance, config_number(config,
		"first_valid_uid"), owner, &error);
	if (result == 0)
		result = owner_make_directory(config_text(config,
			"data_directory"), child->instance, owner, &error);
	if (result == 0)
		result = tell_owner(owner, &error);
	alarm(0);
	if (result < 0)
		log_event(LOG_ERROR, "process-has-no-owner", NULL,
			LOG_TEXT("program", child->program->name),
			LOG_NUMBER("uid", child->instance),
			LOG_TEXT("reason", error.text));
	return result;
}
