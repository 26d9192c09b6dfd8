/* What an import has done; see journal.h. */
#include "ctl/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/transfer.h"

enum { DIGEST_SIZE = 16, READ_SIZE = 1 << 16, LINE_LIMIT = 8192 };

static void
make_digest(uint8_t out[32], struct span folder, uint32_t validity,
	struct span key)
{
	struct buffer text;
	unsigned size;
	buffer_init(&text, 0);
	buffer_print(&text, "%u %zu ", validity, folder.size);
	buffer_add(&text, folder);
	buffer_add(&text, key);
	int result = EVP_Digest(text.data, text.size, out, &size, EVP_sha256(),
		NULL);
	assert(result == 1);
	buffer_fini(&text);
}

static void
note_done(struct journal *journal, const struct journal_batch *batch)
{
	uint8_t digest[32];
	for (size_t i = 0; i < batch->count; i++) {
		make_digest(digest, batch->folder, batch->validity,
			batch->key[i]);
		map_put(&journal->done, span_of(digest, DIGEST_SIZE), journal);
	}
	journal->done_count += batch->count;
}

bool
journal_is_done(const struct journal *journal, struct span folder,
	uint32_t validity, struct span key)
{
	uint8_t digest[32];
	make_digest(digest, folder, validity, key);
	return map_get(&journal->done, span_of(digest, DIGEST_SIZE)) != NULL;
}

/* ---- reading ---- */

/* Where the reading of lines stands. */
struct reading {
	struct journal *journal;
	struct span title;
	size_t lines;
	size_t left;		/* messages of the batch that are still to come */
};

static bool
take_numbers(struct span *rest, uint64_t *numbers, size_t count)
{
	struct span word;
	for (size_t i = 0; i < count; i++)
		if (!span_word(rest, &word) ||
		    !span_to_number(word, INT64_MAX, &numbers[i]))
			return false;
	return true;
}

static bool
take_batch(struct reading *reading, struct span rest)
{
	struct journal *journal = reading->journal;
	struct journal_batch *batch = &journal->doubt;
	struct span folder;
	uint64_t numbers[3];
	if (!span_word(&rest, &folder) || !take_numbers(&rest, numbers, 3) ||
	    numbers[2] > TRANSFER_BATCH_MESSAGES)
		return false;
	arena_fini(&journal->arena);
	*batch = (struct journal_batch){
		.folder = transfer_read_word(&journal->arena, folder),
		.validity = (uint32_t)numbers[0],
		.uid_next = (uint32_t)numbers[1],
		.message = arena_new_array(&journal->arena, numbers[2] + 1,
			sizeof(*batch->message)),
		.key = arena_new_array(&journal->arena, numbers[2] + 1,
			sizeof(*batch->key)),
	};
	reading->left = numbers[2];
	journal->is_in_doubt = numbers[2] == 0;
	return true;
}

static bool
take_message(struct reading *reading, struct span rest)
{
	struct journal *journal = reading->journal;
	struct journal_batch *batch = &journal->doubt;
	struct span key;
	uint64_t size;
	struct span word;
	bool is_before;
	if (reading->left == 0 || !span_word(&rest, &key) ||
	    !take_numbers(&rest, &size, 1) || !span_word(&rest, &word))
		return false;
	is_before = word.data[0] == '-';	/* 1970 */
	uint64_t date;
	if (!span_to_number(span_skip(word, is_before), INT64_MAX, &date))
		return false;
	batch->key[batch->count] = transfer_read_word(&journal->arena, key);
	batch->message[batch->count++] = (struct journal_message){
		.size = size,
		.date = is_before ? -(int64_t)date : (int64_t)date };
	reading->left--;
	/* What was not written whole had not been sent. */
	journal->is_in_doubt = reading->left == 0;
	return true;
}

static bool
take_line(struct reading *reading, struct span line)
{
	struct journal *journal = reading->journal;
	struct span rest = line, word;
	if (reading->lines++ == 0)
		return span_equals(line, reading->title);
	if (!span_word(&rest, &word))
		return true;
	if (span_equals(word, SPAN("batch")))
		return take_batch(reading, rest);
	if (span_equals(word, SPAN("m")))
		return take_message(reading, rest);
	if (span_equals(word, SPAN("done")) && journal->is_in_doubt)
		note_done(journal, &journal->doubt);
	journal->is_in_doubt = false;
	return true;
}

/* All lines; *size is how much of the file they are. */
static int
read_lines(struct reading *reading, uint64_t *size, struct error *error)
{
	struct buffer text;
	int result = 0;
	*size = 0;
	buffer_init(&text, 0);
	while (result == 0) {
		buffer_reserve(&text, READ_SIZE);
		ssize_t n = read(reading->journal->fd, text.data + text.size,
			READ_SIZE);
		if (n <= 0) {
			result = n < 0 ? error_set_errno(error, "reading") : 0;
			break;
		}
		text.size += (size_t)n;
		struct span rest = buffer_span(&text);
		size_t end;
		while (result == 0 && (end = span_find(rest, '\n')) <
		    rest.size) {
			if (!take_line(reading, span_first(rest, end)))
				result = error_set(error, ERROR_USAGE,
					"line %zu is not of this import",
					reading->lines);
			rest = span_skip(rest, end + 1);
			*size += end + 1;
		}
		buffer_shift(&text, text.size - rest.size);
		if (result == 0 && text.size > LINE_LIMIT)
			result = error_set(error, ERROR_DAMAGED,
				"a line is too long");
	}
	buffer_fini(&text);
	return result;
}

int
journal_open(struct journal *journal, const char *path, struct span title,
	bool is_again, struct error *error)
{
	struct reading reading = { .journal = journal, .title = title };
	struct buffer line;
	uint64_t size;
	*journal = (struct journal){ .fd = open(path, O_RDWR | O_CREAT |
		O_CLOEXEC | O_NOFOLLOW, 0600) };
	arena_init(&journal->arena, 0);
	map_init(&journal->done);
	if (journal->fd < 0)
		return error_set_errno(error, "opening %s", path);
	if (flock(journal->fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(error, ERROR_LATER, "another import of this "
			"is running (%s)", path);
	if (is_again && ftruncate(journal->fd, 0) < 0)
		return error_set_errno(error, "emptying %s", path);
	if (read_lines(&reading, &size, error) < 0)
		return error_wrap(error, "%s", path);
	/* Half a line at the end is what a crash left. */
	if (ftruncate(journal->fd, (off_t)size) < 0 ||
	    lseek(journal->fd, 0, SEEK_END) < 0)
		return error_set_errno(error, "cutting %s", path);
	if (reading.lines > 0)
		return 0;
	buffer_init(&line, 0);
	buffer_add(&line, title);
	buffer_add_byte(&line, '\n');
	int result = file_write_all(journal->fd, buffer_span(&line), error);
	buffer_fini(&line);
	return result < 0 ? error_wrap(error, "%s", path) : 0;
}

void
journal_close(struct journal *journal)
{
	file_close(&journal->fd);
	map_fini(&journal->done);
	arena_fini(&journal->arena);
}

/* ---- writing ---- */

int
journal_begin(struct journal *journal, const struct journal_batch *batch,
	struct error *error)
{
	struct buffer text;
	buffer_init(&text, 0);
	buffer_add(&text, SPAN("batch "));
	transfer_add_word(&text, batch->folder);
	buffer_print(&text, " %u %u %zu\n", batch->validity, batch->uid_next,
		batch->count);
	for (size_t i = 0; i < batch->count; i++) {
		buffer_add(&text, SPAN("m "));
		transfer_add_word(&text, batch->key[i]);
		buffer_print(&text, " %llu %lld\n",
			(unsigned long long)batch->message[i].size,
			(long long)batch->message[i].date);
	}
	int result = file_write_all(journal->fd, buffer_span(&text), error);
	buffer_fini(&text);
	if (result == 0)
		result = file_sync_data(journal->fd, error);
	return result < 0 ? error_wrap(error, "writing down what is done") : 0;
}

int
journal_end(struct journal *journal, const struct journal_batch *batch,
	bool is_done, struct error *error)
{
	if (is_done)
		note_done(journal, batch);
	journal->is_in_doubt = false;
	/* Durable with the next batch; until then this one is in doubt. */
	return file_write_all(journal->fd, is_done ? SPAN("done\n") :
		SPAN("undone\n"), error);
}
