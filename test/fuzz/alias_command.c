/*
 * Commands of |program: whatever the bytes are, words are few, stay in their
 * memory, and what begins is a path from the root.
 */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "proto/alias_command.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct alias_command command;
	struct arena arena;
	struct error error = { .text = "" };
	size_t bytes = 0;
	arena_init(&arena, 0);
	if (alias_command_parse(span_of(data, size), &arena, &command,
		&error) == 0) {
		assert(command.count > 0);
		assert(command.count <= ALIAS_COMMAND_WORDS);
		assert(command.argv[0][0] == '/');
		assert(command.argv[command.count] == NULL);
		for (size_t i = 0; i < command.count; i++)
			bytes += strlen(command.argv[i]);
		assert(bytes <= size);
	} else {
		assert(error.text[0] != '\0');
	}
	arena_fini(&arena);
	return 0;
}
