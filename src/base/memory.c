#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
end_for_want_of_memory(void)
{
	static const char text[] = "posthouse: out of memory, ending\n";
	ssize_t ignored = write(2, text, sizeof(text) - 1);
	(void)ignored;
	abort();
}

void *
memory_new(size_t size)
{
	void *memory = calloc(1, size == 0 ? 1 : size);
	if (memory == NULL)
		end_for_want_of_memory();
	return memory;
}

void *
memory_new_array(size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		end_for_want_of_memory();
	return memory_new(count * size);
}

void *
memory_resize(void *old, size_t size)
{
	void *memory = realloc(old, size == 0 ? 1 : size);
	if (memory == NULL)
		end_for_want_of_memory();
	return memory;
}

void
memory_free(void *old)
{
	free(old);
}

char *
memory_copy_string(const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = memory_new(size);
	memcpy(copy, string, size);
	return copy;
}
