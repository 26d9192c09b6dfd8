/* posthouse queue: the spool, asked from the queue process. */
#include <stdio.h>
#include <string.h>

#include "ctl/admin.h"

static const char service[] = "queue-admin";

/* ---- which messages ---- */

static const struct {
	const char *option, *key;
} choices[] = {
	{ "--sender", "sender" }, { "--recipient", "recipient" },
	{ "--domain", "domain" }, { "--state", "state" },
};
enum { CHOICES = sizeof(choices) / sizeof(choices[0]),
	FIELDS = 2 * CHOICES + 5 };

/* Takes the options; returns how many fields there are now. */
static size_t
take_choice(struct ctl *ctl, const char *fields[FIELDS])
{
	size_t count = 0;
	for (size_t i = 0; i < CHOICES; i++) {
		const char *value = ctl_take_option(ctl, choices[i].option);
		if (value == NULL)
			continue;
		fields[count++] = choices[i].key;
		fields[count++] = value;
	}
	if (ctl_take_flag(ctl, "--all")) {
		fields[count++] = "all";
		fields[count++] = "yes";
	}
	fields[count] = NULL;
	return count;
}

/* ---- list and show ---- */

static void
print_line(void *context, const struct tabline *row)
{
	struct span line;
	(void)context;
	if (tabline_get(row, 2, "line", &line))
		printf("%.*s\n", SPAN_PRINT(line));
}

static int
show(struct ctl *ctl, const char *id)
{
	static const char *const columns[] = { "line", NULL };
	const char *fields[] = { "id", id, NULL };
	if (ctl->json)
		return admin_list(ctl, service, "QUEUE-SHOW", fields, columns);
	return admin_each(ctl, service, 0, "QUEUE-SHOW", fields, print_line,
		NULL, NULL);
}

static int
list(struct ctl *ctl, const char *const *fields)
{
	static const char *const columns[] = { "id", "arrival", "size",
		"sender", "recipient", "state", "attempts", "next", "error",
		NULL };
	return admin_list(ctl, service, "QUEUE-LIST", fields, columns);
}

int
ctl_queue_list(struct ctl *ctl)
{
	return list(ctl, NULL);
}

/* ---- changing ---- */

static const struct {
	const char *verb, *command, *done;
} verbs[] = {
	{ "retry", "QUEUE-RETRY", "tried now" },
	{ "hold", "QUEUE-HOLD", "held" },
	{ "release", "QUEUE-RELEASE", "released" },
	{ "delete", "QUEUE-DELETE", "deleted" },
};
enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

struct tally {
	uint64_t changed, busy;
};

static void
count_row(void *context, const struct tabline *row)
{
	struct tally *tally = context;
	struct span value;
	uint64_t number;
	if (tabline_get(row, 2, "changed", &value) &&
	    span_to_number(value, INT64_MAX, &number))
		tally->changed += number;
	if (tabline_get(row, 2, "busy", &value) &&
	    span_to_number(value, INT64_MAX, &number))
		tally->busy += number;
}

static int
change(struct ctl *ctl, size_t verb, const char *fields[FIELDS], size_t count)
{
	struct tally tally = { 0, 0 };
	int result = 0;
	if (ctl->argc == 1 && count == 0)
		return ctl_usage(ctl_command_of(ctl_queue), "say which messages "
			"to %s: IDs, --sender, --recipient, --domain, --state "
			"or --all", verbs[verb].verb);
	if (ctl->argc == 1)
		result = admin_each(ctl, service, 0, verbs[verb].command,
			fields, count_row, NULL, &tally);
	for (int i = 1; i < ctl->argc; i++) {
		fields[count] = "id";
		fields[count + 1] = ctl->argv[i];
		fields[count + 2] = NULL;
		if (admin_each(ctl, service, 0, verbs[verb].command, fields,
		    count_row, NULL, &tally) != 0)
			result = 1;
	}
	if (ctl->json)
		printf("{ \"changed\": %llu, \"busy\": %llu }\n",
			(unsigned long long)tally.changed,
			(unsigned long long)tally.busy);
	else if (tally.busy > 0)
		printf("%llu %s; %llu are being delivered now and were left "
			"alone\n", (unsigned long long)tally.changed,
			verbs[verb].done, (unsigned long long)tally.busy);
	else if (tally.changed != 1 || ctl->argc == 1)
		printf("%llu %s\n", (unsigned long long)tally.changed,
			verbs[verb].done);
	return result;
}

int
ctl_queue(struct ctl *ctl)
{
	const struct ctl_command *self = ctl_command_of(ctl_queue);
	const char *fields[FIELDS];
	size_t count = take_choice(ctl, fields);
	const char *verb = ctl->argc > 0 ? ctl->argv[0] : "";
	if (strcmp(verb, "list") == 0 && ctl->argc == 1)
		return list(ctl, fields);
	if (strcmp(verb, "show") == 0 && ctl->argc == 2 && count == 0)
		return show(ctl, ctl->argv[1]);
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(verb, verbs[i].verb) == 0)
			return change(ctl, i, fields, count);
	return ctl_usage(self, "found \"%s\", expected list, show ID, or "
		"retry, hold, release or delete and which messages", verb);
}
