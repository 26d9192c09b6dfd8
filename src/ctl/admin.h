/* One request to an operator's wire, with its rows shown or passed over. */
#ifndef CTL_ADMIN_H
#define CTL_ADMIN_H

#include "ctl/ctl.h"
#include "ctl/output.h"
#include "ctl/system.h"

/* Fields as "key", "value", ... ended by NULL. Prints a failure. */
int
admin_do(struct ctl *ctl, const char *service, const char *command,
	const char *const *fields);

/* The same; rows are printed with these columns. */
int
admin_list(struct ctl *ctl, const char *service, const char *command,
	const char *const *fields, const char *const *columns);

/* The same; `row` gets each ROW, `done` the OK. */
int
admin_each(struct ctl *ctl, const char *service, unsigned instance,
	const char *command, const char *const *fields,
	system_row_function *row, system_row_function *done, void *context);

/* Of a running system the records of its domains are right when this returns;
 * else they will be at its start. A failure is a warning. */
void
admin_refresh_records(struct ctl *ctl);

#endif
