#include "relay/pair_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

enum { WASTE = 1 << 20 };	/* bytes that may be of no use */

struct pair_file {
	const char *name;
	int fd[2];
	unsigned current;		/* which counts */
	uint64_t generation;		/* of it; 0: none does yet */
	size_t size;			/* of it */
	size_t begun_with;		/* bytes, when it was written anew */
};

struct pair_file *
pair_file_new(int descriptors[2], const char *name)
{
	struct pair_file *file = memory_new(sizeof(*file));
	file->name = name;
	for (size_t i = 0; i < 2; i++) {
		file->fd[i] = descriptors[i];
		descriptors[i] = -1;
	}
	return file;
}

struct pair_file *
pair_file_open(const char *directory, const char *name, struct error *error)
{
	char path[4096];
	int fds[2] = { -1, -1 };
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s.%zu", directory, name,
			i + 1);
		fds[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			0600);
		if (fds[i] < 0) {
			error_set_errno(error, "opening %s", path);
			file_close(&fds[0]);
			return NULL;
		}
	}
	return pair_file_new(fds, name);
}

void
pair_file_close(struct pair_file **file)
{
	if (*file == NULL)
		return;
	file_close(&(*file)->fd[0]);
	file_close(&(*file)->fd[1]);
	memory_free(*file);
	*file = NULL;
}

/* The next line that has its end; false after the last. */
static bool
next_line(struct span *rest, struct span *line)
{
	size_t size = span_find(*rest, '\n');
	if (size == rest->size)
		return false;
	*line = span_first(*rest, size);
	*rest = span_skip(*rest, size + 1);
	return true;
}

/* The generation of a file that was written to its mark; 0: it is none. */
static uint64_t
generation_of(const struct pair_file *file, struct span rest)
{
	static const struct span ours = SPAN("posthouse-"),
		version = SPAN("\t1\t");
	struct span line, name = span_from(file->name);
	uint64_t generation;
	if (!next_line(&rest, &line) || !span_starts(line, ours))
		return 0;
	line = span_skip(line, ours.size);
	if (!span_starts(line, name) ||
	    !span_starts(span_skip(line, name.size), version) ||
	    !span_to_number(span_skip(line, name.size + version.size),
	    UINT64_MAX - 1, &generation))
		return 0;
	while (next_line(&rest, &line))
		if (span_equals(line, SPAN("whole")))
			return generation;
	return 0;
}

/* The file that counts, in *bytes. */
static void
choose(struct pair_file *file, struct buffer *bytes)
{
	struct error error;
	for (unsigned i = 0; i < 2; i++) {
		struct buffer one;
		buffer_init(&one, 0);
		if (file_read_descriptor(file->fd[i], PAIR_FILE_LIMIT, &one,
		    &error) == 0 &&
		    generation_of(file, buffer_span(&one)) > file->generation) {
			struct buffer other = *bytes;
			file->generation = generation_of(file, buffer_span(&one));
			file->current = i;
			*bytes = one;
			one = other;
		}
		buffer_fini(&one);
	}
}

void
pair_file_read(struct pair_file *file, void (*take)(void *context,
	struct span line), void *context)
{
	struct buffer bytes;
	struct span line;
	buffer_init(&bytes, 0);
	choose(file, &bytes);
	struct span rest = buffer_span(&bytes);
	while (next_line(&rest, &line)) {
		take(context, line);
		if (span_equals(line, SPAN("whole")))
			file->begun_with = bytes.size - rest.size;
	}
	/* what is torn is written over */
	file->size = bytes.size - rest.size;
	buffer_fini(&bytes);
}

static int
write_at(int fd, struct span bytes, size_t offset, struct error *error)
{
	if (lseek(fd, (off_t)offset, SEEK_SET) < 0)
		return error_set_errno(error, "writing what is remembered");
	if (file_write_all(fd, bytes, error) < 0 ||
	    ftruncate(fd, (off_t)(offset + bytes.size)) < 0)
		return error_set_errno(error, "writing what is remembered");
	return file_sync_data(fd, error);
}

int
pair_file_add(struct pair_file *file, struct span line, struct error *error)
{
	if (file->generation == 0)
		return pair_file_replace(file, line, error);
	if (write_at(file->fd[file->current], line, file->size, error) < 0)
		return -1;
	file->size += line.size;
	return 0;
}

bool
pair_file_is_wasteful(const struct pair_file *file)
{
	return file->size > 2 * file->begun_with + WASTE;
}

int
pair_file_replace(struct pair_file *file, struct span lines, struct error *error)
{
	unsigned other = file->generation == 0 ? 0 : 1 - file->current;
	struct buffer bytes;
	buffer_init(&bytes, 0);
	buffer_print(&bytes, "posthouse-%s\t1\t%llu\n", file->name,
		(unsigned long long)file->generation + 1);
	buffer_add(&bytes, lines);
	buffer_add_string(&bytes, "whole\n");
	int result = write_at(file->fd[other], buffer_span(&bytes), 0, error);
	if (result == 0) {
		file->current = other;
		file->generation++;
		file->size = file->begun_with = bytes.size;
	}
	buffer_fini(&bytes);
	return result;
}
