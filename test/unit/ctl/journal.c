/* What an import has written down, whole and cut off at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ctl/journal.h"

static char directory[] = "/tmp/journal-XXXXXX", path[64];
static const struct span title = SPAN("posthouse-import 1 alice mbox:/x");

static struct journal_message facts[2] = { { 100, 5 }, { 200, -7 } };

static struct journal_batch
batch_of(const char *folder, struct span *keys, size_t count)
{
	return (struct journal_batch){ .folder = span_from(folder),
		.validity = 9, .uid_next = 17, .count = count,
		.message = facts, .key = keys };
}

static void
open_it(struct journal *journal)
{
	struct error error;
	if (journal_open(journal, path, title, false, &error) < 0)
		fail_msg("%s", error.text);
}

static void
what_was_done_is_known(void **state)
{
	struct journal journal;
	struct error error;
	struct span first[] = { SPAN("a key"), SPAN("b%") };
	struct span second[] = { SPAN("c") };
	struct journal_batch one = batch_of("In \n box", first, 2);
	struct journal_batch two = batch_of("INBOX", second, 1);
	(void)state;
	unlink(path);
	open_it(&journal);
	assert_int_equal(journal_begin(&journal, &one, &error), 0);
	assert_int_equal(journal_end(&journal, &one, true, &error), 0);
	assert_int_equal(journal_begin(&journal, &two, &error), 0);
	assert_int_equal(journal_end(&journal, &two, false, &error), 0);
	journal_close(&journal);
	open_it(&journal);
	assert_false(journal.is_in_doubt);
	assert_int_equal(journal.done_count, 2);
	assert_true(journal_is_done(&journal, one.folder, 9, first[0]));
	assert_true(journal_is_done(&journal, one.folder, 9, first[1]));
	/* another folder, another life of it, and what was not done */
	assert_false(journal_is_done(&journal, SPAN("x"), 9, first[0]));
	assert_false(journal_is_done(&journal, one.folder, 10, first[0]));
	assert_false(journal_is_done(&journal, two.folder, 9, second[0]));
	journal_close(&journal);
}

static void
one_at_a_time(void **state)
{
	struct journal journal, other;
	struct error error;
	(void)state;
	open_it(&journal);
	assert_int_equal(journal_open(&other, path, title, false, &error), -1);
	assert_int_equal(error.code, ERROR_LATER);
	journal_close(&other);
	journal_close(&journal);
	assert_int_equal(journal_open(&other, path, SPAN("another"), false,
		&error), -1);
	assert_int_equal(error.code, ERROR_USAGE);
	journal_close(&other);
	assert_int_equal(journal_open(&other, path, title, true, &error), 0);
	assert_int_equal(other.done_count, 0);
	journal_close(&other);
}

/* Cut anywhere: a batch is done, in doubt, or was never sent; and it goes on. */
static void
a_crash_leaves_a_beginning(void **state)
{
	struct journal journal;
	struct error error;
	struct buffer whole;
	struct span keys[] = { SPAN("a"), SPAN("b") };
	struct journal_batch batch = batch_of("INBOX", keys, 2);
	(void)state;
	unlink(path);
	open_it(&journal);
	assert_int_equal(journal_begin(&journal, &batch, &error), 0);
	journal_close(&journal);
	buffer_init(&whole, 0);
	assert_int_equal(file_read_whole(AT_FDCWD, path, 10000, &whole,
		&error), 0);
	for (size_t size = 0; size <= whole.size; size++) {
		assert_int_equal(file_replace(AT_FDCWD, path, span_first(
			buffer_span(&whole), size), 0600, &error), 0);
		open_it(&journal);
		assert_int_equal(journal.is_in_doubt, size == whole.size);
		assert_int_equal(journal.done_count, 0);
		if (journal.is_in_doubt) {
			assert_int_equal(journal.doubt.count, 2);
			assert_int_equal(journal.doubt.uid_next, 17);
			assert_int_equal(journal.doubt.message[1].date, -7);
			assert_int_equal(journal_end(&journal, &journal.doubt,
				true, &error), 0);
			assert_true(journal_is_done(&journal, SPAN("INBOX"), 9,
				keys[1]));
		} else {
			assert_int_equal(journal_begin(&journal, &batch,
				&error), 0);
		}
		journal_close(&journal);
		open_it(&journal);
		assert_int_equal(journal.is_in_doubt, size < whole.size);
		journal_close(&journal);
	}
	buffer_fini(&whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_done_is_known),
		cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(a_crash_leaves_a_beginning),
	};
	if (mkdtemp(directory) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/journal", directory);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(directory);
	return failed;
}
