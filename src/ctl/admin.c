#include "ctl/admin.h"

#include <stdio.h>

static void
add_fields(struct buffer *out, const char *const *fields)
{
	for (; fields != NULL && fields[0] != NULL; fields += 2)
		tabline_add_pair(out, fields[0], span_from(fields[1]));
}

int
admin_each(struct ctl *ctl, const char *service, unsigned instance,
	const char *command, const char *const *fields,
	system_row_function *row, system_row_function *done, void *context)
{
	struct error error;
	struct system_wire wire;
	struct buffer text;
	if (ctl->config == NULL && ctl_load_config(ctl) != 0)
		return 1;
	if (system_wire_open(ctl->config, service, instance, &wire,
	    &error) < 0)
		return ctl_fail_error(&error);
	buffer_init(&text, 0);
	add_fields(&text, fields);
	int result = system_call(&wire, command, buffer_span(&text), row, done,
		context, &error);
	buffer_fini(&text);
	system_wire_close(&wire);
	return result < 0 ? ctl_fail_error(&error) : 0;
}

int
admin_do(struct ctl *ctl, const char *service, const char *command,
	const char *const *fields)
{
	return admin_each(ctl, service, 0, command, fields, NULL, NULL, NULL);
}

/* Fields from the third on are key=value; numbers stay numbers in JSON. */
static void
show_row(void *context, const struct tabline *row)
{
	struct output *output = context;
	uint64_t number;
	char key[64];
	output_row(output);
	for (size_t i = 2; i < row->count; i++) {
		size_t equals = span_find(row->field[i], '=');
		struct span value = span_skip(row->field[i], equals + 1);
		if (equals >= sizeof(key))
			continue;
		for (size_t k = 0; k < equals; k++)
			key[k] = row->field[i].data[k];
		key[equals] = '\0';
		if (value.size < 18 && span_to_number(value, INT64_MAX,
		    &number) && (value.size == 1 || value.data[0] != '0'))
			output_number(output, key, (int64_t)number);
		else
			output_text(output, key, value);
	}
}

int
admin_list(struct ctl *ctl, const char *service, const char *command,
	const char *const *fields, const char *const *columns)
{
	struct output *output = output_new(ctl->json, columns);
	int result = admin_each(ctl, service, 0, command, fields, show_row,
		NULL, output);
	if (result == 0)
		output_end(&output);
	return result;
}

void
admin_refresh_records(struct ctl *ctl)
{
	struct system_wire wire;
	struct error error;
	if (system_wire_open(ctl->config, "hostmaster-admin", 0, &wire,
	    &error) < 0)
		return;
	if (system_call(&wire, "REFRESH", SPAN(""), NULL, NULL, NULL,
	    &error) < 0)
		fprintf(stderr, "posthouse: warning: the records of the domain "
			"are not right yet: %s\n", error.text);
	system_wire_close(&wire);
}
