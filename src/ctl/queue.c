/* posthouse queue: the spool, asked from the queue process. */
#include <stdio.h>
#include <string.h>

#include "ctl/admin.h"

static const char service[] = "queue-admin";

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

int
ctl_queue(struct ctl *ctl)
{
	static const char *const columns[] = { "id", "arrival", "size",
		"sender", "recipient", "state", "next", "error", NULL };
	const struct ctl_command *self = ctl_command_of(ctl_queue);
	const char *verb = ctl->argc > 0 ? ctl->argv[0] : "";
	if (strcmp(verb, "list") == 0 && ctl->argc == 1)
		return admin_list(ctl, service, "QUEUE-LIST", NULL, columns);
	if (strcmp(verb, "show") == 0 && ctl->argc == 2)
		return show(ctl, ctl->argv[1]);
	if (strcmp(verb, "delete") == 0 && ctl->argc == 2) {
		const char *fields[] = { "id", ctl->argv[1], NULL };
		return admin_do(ctl, service, "QUEUE-DELETE", fields);
	}
	return ctl_usage(self, "found \"%s\", expected list, show ID or "
		"delete ID", verb);
}
