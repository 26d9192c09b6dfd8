/*
 * Run by the command before a start, a reload and for `serve --check`, with the
 * rights of who runs it. A table that cannot be used stops the command, not the
 * system: otherwise auth would begin and end for ever.
 */
#include "auth/check.h"

#include <stdio.h>
#include <unistd.h>

#include "auth/virtual.h"
#include "base/buffer.h"
#include "base/file.h"

int
check_main(void)
{
	struct buffer text;
	struct virtual_tables *tables = NULL;
	struct error error;
	buffer_init(&text, 0);
	int result = file_read_descriptor(STDIN_FILENO, VIRTUAL_LIMIT, &text,
		&error);
	if (result == 0)
		result = virtual_new(buffer_span(&text), &tables, &error);
	if (result != 0)
		puts(error.text);
	virtual_free(&tables);
	buffer_fini(&text);
	return result == 0 ? 0 : 1;
}
