/*
 * The file: "PHfolder", u32 version, u32 CRC32C of what follows, then the
 * format's bytes.
 */
#include "store/mirror_cache.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

enum {
	CACHE_VERSION = 1,
	CACHE_LIMIT = 1 << 30,
	WORTH_SAVING = 1000,	/* messages, and an eighth of all */
	NAME_SIZE = 32,
};

#define CACHE_MAGIC SPAN("PHfolder")

static int
name_of(struct mirror *mirror, uint32_t mailbox, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "folder-%08x", mailbox);
	return log_cache_directory(mirror->account->log);
}

void
mirror_cache_load(struct mirror *mirror, struct mirror_folder *folder)
{
	char name[NAME_SIZE];
	struct buffer bytes;
	struct error ignored;	/* then it is read again */
	struct codec_reader reader;
	int directory = name_of(mirror, folder->mailbox, name);
	if (directory < 0)
		return;
	buffer_init(&bytes, 0);
	if (file_read_whole(directory, name, CACHE_LIMIT, &bytes,
			&ignored) == 0) {
		codec_reader_init(&reader, buffer_span(&bytes));
		bool is_ours = span_equals(codec_read_raw(&reader,
			CACHE_MAGIC.size), CACHE_MAGIC) &&
			codec_read_u32(&reader) == CACHE_VERSION;
		uint32_t crc = codec_read_u32(&reader);
		if (is_ours && !reader.is_failed && crc == hash_crc32c(0,
				reader.rest.data, reader.rest.size))
			mirror->format->call->restore(folder->files,
				reader.rest);
	}
	buffer_fini(&bytes);
}

void
mirror_cache_save(struct mirror *mirror, struct mirror_folder *folder)
{
	char name[NAME_SIZE];
	struct buffer bytes, whole;
	struct error error;
	int directory = name_of(mirror, folder->mailbox, name);
	if (directory < 0 || folder->files == NULL || folder->unsaved == 0)
		return;
	folder->unsaved = 0;
	buffer_init(&bytes, CACHE_LIMIT);
	buffer_init(&whole, 0);
	mirror->format->call->save(folder->files, &bytes);
	buffer_add(&whole, CACHE_MAGIC);
	buffer_add_u32(&whole, CACHE_VERSION);
	buffer_add_u32(&whole, hash_crc32c(0, bytes.data, bytes.size));
	buffer_add(&whole, buffer_span(&bytes));
	if (!buffer_is_overrun(&bytes) && file_replace(directory, name,
			buffer_span(&whole), 0600, &error) < 0)
		log_event(LOG_WARN, "folder-cache-not-written", NULL,
			LOG_TEXT("reason", error.text));
	buffer_fini(&bytes);
	buffer_fini(&whole);
}

void
mirror_cache_note(struct mirror *mirror, struct mirror_folder *folder)
{
	if (folder->unsaved > WORTH_SAVING &&
	    folder->unsaved > folder->scan.count / 8)
		mirror_cache_save(mirror, folder);
}

void
mirror_cache_remove(struct mirror *mirror, uint32_t mailbox)
{
	char name[NAME_SIZE];
	int directory = name_of(mirror, mailbox, name);
	if (directory >= 0)
		unlinkat(directory, name, 0);
}
