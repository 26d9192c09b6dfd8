/*
 * The main of a fuzz target in an ordinary build: gives it each file of the
 * folder named on the command line, whole and cut short, so that the test
 * suite runs the seeds without libFuzzer. A folder without seeds is a failure.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "fuzz.h"

static bool
read_file(struct buffer *out, const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	size_t n;
	do {
		buffer_reserve(out, 65536);
		n = fread(out->data + out->size, 1, 65536, file);
		out->size += n;
	} while (n > 0);
	bool ok = ferror(file) == 0;
	return fclose(file) == 0 && ok;
}

/* A block of exactly that size, so that a sanitizer sees a read beyond it. */
static void
run(struct span seed)
{
	char *copy = memory_new(seed.size > 0 ? seed.size : 1);
	if (seed.size > 0)
		memcpy(copy, seed.data, seed.size);
	LLVMFuzzerTestOneInput((const uint8_t *)copy, seed.size);
	memory_free(copy);
}

static bool
run_file(const char *path)
{
	struct buffer seed;
	buffer_init(&seed, 0);
	bool ok = read_file(&seed, path);
	if (ok) {
		run(buffer_span(&seed));
		size_t step = seed.size / 32 + 1;
		for (size_t cut = 0; cut < seed.size; cut += step)
			run(span_first(buffer_span(&seed), cut));
	}
	buffer_fini(&seed);
	return ok;
}

int
main(int argc, char **argv)
{
	DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
	if (folder == NULL) {
		fprintf(stderr, "usage: %s FOLDER-WITH-SEEDS\n", argv[0]);
		return EXIT_FAILURE;
	}
	int count = 0;
	bool ok = true;
	struct buffer path;
	buffer_init(&path, 0);
	for (struct dirent *entry; ok && (entry = readdir(folder)) != NULL;) {
		if (entry->d_name[0] == '.')
			continue;
		buffer_clear(&path);
		buffer_print(&path, "%s/%s", argv[1], entry->d_name);
		ok = run_file(buffer_string(&path));
		count++;
	}
	printf("%d seeds\n", count);
	buffer_fini(&path);
	return closedir(folder) == 0 && ok && count > 0 ? EXIT_SUCCESS :
		EXIT_FAILURE;
}
