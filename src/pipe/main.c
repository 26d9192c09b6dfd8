/*
 * pipe: runs the programs and writes the files that aliases and .forward name.
 * One process for each owner, on demand; instance = his uid. It opens the
 * tables and files with that uid's rights and no others. It has no jail but the
 * user (serve/jail.h, jail_become): programs need the machine, and what one may
 * do there is what its owner may.
 */
#include <pwd.h>
#include <string.h>

#include "base/memory.h"
#include "pipe/pipe.h"
#include "serve/jail.h"

enum {
	WORKERS = 16,
	STOP_GRACE = 4000,		/* ms */
	IDLE_LIMIT = 30000,		/* ms without a message until it ends */
};

static struct pipe the_pipe;
static struct mail_server server;

static void
accept_lmtp(struct lot *lot, struct incoming *incoming)
{
	mail_server_accept(lot, incoming, &server);
}

static const struct service services[] = {
	{ "pipe-lmtp", accept_lmtp },
	{ NULL, NULL },
};

static void
reload(const struct config *config)
{
	the_pipe.time_limit = config_duration(config, "command_time_limit");
}

static char *
copy(const char *text)
{
	size_t size = strlen(text) + 1;
	char *new = memory_new(size);
	memcpy(new, text, size);
	return new;
}

/* Before threads: what getpwuid says. Who has no entry has no home and no
 * name. */
static void
find_users(const struct process *process)
{
	const struct passwd *user = getpwuid(process->uid);
	the_pipe.uid = process->uid;
	the_pipe.user = copy(user == NULL ? process->user : user->pw_name);
	the_pipe.home = copy(user == NULL ? "/" : user->pw_dir);
	the_pipe.shell = copy(user == NULL || user->pw_shell[0] == '\0' ?
		"/bin/sh" : user->pw_shell);
	user = getpwnam(config_text(process->config, "default_privs"));
	the_pipe.default_uid = user == NULL || user->pw_uid == 0 ?
		UINT32_MAX : user->pw_uid;
}

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	const struct config *config = process->config;
	struct lot *lot = lot_new(WORKERS);
	find_users(process);
	the_pipe.alias_maps = config_text(config, "alias_maps");
	the_pipe.delimiters = config_text(config, "recipient_delimiter");
	the_pipe.hostname = config_text(config, "myhostname");
	seen_init(&the_pipe.seen);
	reload(config);
	if (jail_become(process, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("error", error.text));
		return 1;
	}
	pipe_server_init(&server, &the_pipe);
	lot_set_idle_limit(lot, IDLE_LIMIT);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	lot_run(lot, STOP_GRACE);
	lot_free(&lot);
	seen_fini(&the_pipe.seen);
	return 0;
}
