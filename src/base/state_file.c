/* See state_file.h. */
#include "base/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"

enum { SLOT_HEADER = 24, SLOTS = 2, READ_ATTEMPTS = 4 };

static const char magic[8] = "PHstate1";

struct slot {
	uint64_t generation;	/* 0: it holds none */
	uint32_t size, crc;
};

static uint64_t
take(const uint8_t *in, unsigned bytes)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < bytes; i++)
		n |= (uint64_t)in[i] << 8 * i;
	return n;
}

/* What the header in the slot says; the blob has not been looked at. */
static int
read_header(int fd, unsigned number, struct slot *slot, bool *is_blank,
	struct error *error)
{
	uint8_t header[SLOT_HEADER] = { 0 };
	*slot = (struct slot){ 0 };
	ssize_t n = pread(fd, header, sizeof(header),
		(off_t)number * STATE_FILE_SLOT);
	if (n < 0)
		return error_set_errno(error, "reading a state file");
	for (size_t i = 0; i < sizeof(header); i++)
		*is_blank &= header[i] == 0;
	if (n < SLOT_HEADER || memcmp(header, magic, sizeof(magic)) != 0)
		return 0;
	*slot = (struct slot){ .generation = take(header + 8, 8),
		.size = (uint32_t)take(header + 16, 4),
		.crc = (uint32_t)take(header + 20, 4) };
	return 0;
}

static uint32_t
checksum(const struct slot *slot, struct span blob)
{
	uint8_t fields[12];
	for (unsigned i = 0; i < 8; i++)
		fields[i] = (uint8_t)(slot->generation >> 8 * i);
	for (unsigned i = 0; i < 4; i++)
		fields[8 + i] = (uint8_t)(slot->size >> 8 * i);
	return hash_crc32c(hash_crc32c(0, fields, sizeof(fields)), blob.data,
		blob.size);
}

/* Reads a slot's blob; the generation becomes 0 when the slot is not whole. */
static int
read_slot(int fd, unsigned number, struct slot *slot, struct buffer *blob,
	struct error *error)
{
	buffer_clear(blob);
	if (slot->size > STATE_FILE_LIMIT)
		slot->generation = 0;
	if (slot->generation == 0 || !buffer_reserve(blob, slot->size))
		return 0;
	int result = file_read_at(fd, blob->data, slot->size,
		(uint64_t)number * STATE_FILE_SLOT + SLOT_HEADER, error);
	if (result < 0 && error->code != ERROR_DAMAGED)
		return -1;
	if (result == 0)
		blob->size = slot->size;
	if (result < 0 || checksum(slot, buffer_span(blob)) != slot->crc)
		slot->generation = 0;
	return 0;
}

/*
 * The newest whole slot and its blob. Generation 0: there is none; *is_blank:
 * because nothing was ever written.
 */
static int
find_newest(int fd, unsigned *number, struct slot *newest, bool *is_blank,
	struct buffer *out, struct error *error)
{
	struct slot slots[SLOTS];
	struct buffer blob;
	int result = 0;
	*is_blank = true;
	*newest = (struct slot){ 0 };
	buffer_clear(out);
	buffer_init(&blob, STATE_FILE_LIMIT);
	for (unsigned i = 0; i < SLOTS && result == 0; i++) {
		result = read_header(fd, i, &slots[i], is_blank, error);
		if (result == 0)
			result = read_slot(fd, i, &slots[i], &blob, error);
		if (result < 0 || slots[i].generation <= newest->generation)
			continue;
		*newest = slots[i];
		*number = i;
		buffer_clear(out);
		buffer_add(out, buffer_span(&blob));
	}
	buffer_fini(&blob);
	return result;
}

int
state_file_read(int fd, struct buffer *out, struct error *error)
{
	struct slot newest;
	unsigned number;
	bool is_blank;
	/* A writer that is quicker than we may change both under our hands. */
	for (int i = 0; i < READ_ATTEMPTS; i++) {
		if (find_newest(fd, &number, &newest, &is_blank, out, error) < 0)
			return -1;
		if (newest.generation != 0 || is_blank)
			return 0;
	}
	return error_set(error, ERROR_DAMAGED,
		"reading a state file: neither of its copies is whole");
}

static int
write_at(int fd, struct span bytes, off_t offset, struct error *error)
{
	while (bytes.size > 0) {
		ssize_t n = pwrite(fd, bytes.data, bytes.size, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_set_errno(error, "writing a state file");
		bytes = span_skip(bytes, (size_t)n);
		offset += n;
	}
	return 0;
}

int
state_file_write(int fd, struct span blob, struct error *error)
{
	static const char nothing[SLOT_HEADER];
	struct buffer bytes;
	struct slot newest;
	unsigned number = 1;
	bool is_blank;
	struct error ignored;
	if (blob.size > STATE_FILE_LIMIT)
		return error_set(error, ERROR_FULL,
			"writing a state file: more than %d octets",
			STATE_FILE_LIMIT);
	buffer_init(&bytes, 0);
	int result = find_newest(fd, &number, &newest, &is_blank, &bytes,
		error);
	number = 1 - number;
	struct slot slot = { .generation = newest.generation + 1,
		.size = (uint32_t)blob.size };
	buffer_clear(&bytes);
	buffer_add(&bytes, span_of(magic, sizeof(magic)));
	buffer_add_u64(&bytes, slot.generation);
	buffer_add_u32(&bytes, slot.size);
	buffer_add_u32(&bytes, checksum(&slot, blob));
	buffer_add(&bytes, blob);
	if (result == 0) {
		off_t offset = (off_t)number * STATE_FILE_SLOT;
		result = write_at(fd, buffer_span(&bytes), offset, error);
		if (result == 0)
			result = file_sync_data(fd, error);
		/* The next write must not take it for one that is on disk and
		 * overwrite the one that is. */
		if (result < 0)
			write_at(fd, span_of(nothing, sizeof(nothing)), offset,
				&ignored);
	}
	buffer_fini(&bytes);
	return result;
}

int
state_file_open(const char *path, struct error *error)
{
	char folder[4096];
	const char *slash = strrchr(path, '/');
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT || slash == NULL || slash == path)
		return error_set_errno(error, "opening %s", path);
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (file_make_directories(folder, 0700, error) < 0)
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
		0600);
	int dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || dir < 0)
		error_set_errno(error, "making %s", path);
	if (fd >= 0 && (dir < 0 || file_sync_directory(dir, error) < 0))
		file_close(&fd);
	file_close(&dir);
	return fd;
}
