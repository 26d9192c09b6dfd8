/*
 * TLS reports: records of any bytes give addresses that can stand in an
 * envelope, whatever strangers said, the report is JSON, and counts that were
 * read from any lines are the same when they are written and read again.
 */
#include <assert.h>
#include <jansson.h>

#include "fuzz.h"
#include "trust/tlsrpt_count.h"

static void
check_addresses(struct span in)
{
	struct tlsrpt_record record;
	struct arena arena;
	struct span mailbox;
	arena_init(&arena, 0);
	if (tlsrpt_find_record(&in, 1, &record))
		assert(record.count > 0 && record.count <= TLSRPT_ADDRESSES);
	for (size_t i = 0; i < record.count; i++)
		if (tlsrpt_mailbox(record.address[i], &arena, &mailbox))
			for (size_t j = 0; j < mailbox.size; j++)
				assert(mailbox.data[j] > ' ' &&
					mailbox.data[j] <= '~' &&
					mailbox.data[j] != '>');
	arena_fini(&arena);
}

static void
check_report(struct span in)
{
	struct tlsrpt_failure failure = { .count = 1, .code = in,
		.receiving_name = span_skip(in, 3), .information = in };
	struct tlsrpt_policy policy = { .domain = in, .text = &in,
		.text_count = 1, .mx = &in, .mx_count = 1,
		.failure = &failure, .failure_count = 1 };
	struct tlsrpt_report report = { .organization = in, .contact = in,
		.id = in, .end = 86399000, .policy = &policy,
		.policy_count = 1 };
	struct buffer out;
	buffer_init(&out, 0);
	tlsrpt_report_write(&report, &out);
	json_t *root = json_loadb(out.data, out.size, JSON_REJECT_DUPLICATES,
		NULL);
	assert(root != NULL);
	json_decref(root);
	buffer_fini(&out);
}

static void
read_counts(struct tlsrpt_counts *counts, struct span in)
{
	struct span line;
	tlsrpt_counts_init(counts, 86400000);
	while (in.size > 0 && span_split(&in, '\n', &line))
		tlsrpt_counts_read(counts, line);
}

static void
check_counts(struct span in)
{
	struct tlsrpt_counts counts, again;
	struct tlsrpt_report report = { .policy_count = 0 };
	struct tlsrpt_due due;
	struct arena arena;
	struct buffer out;
	arena_init(&arena, 0);
	buffer_init(&out, 0);
	read_counts(&counts, in);
	tlsrpt_counts_write(&counts, &out);
	read_counts(&again, buffer_span(&out));
	assert(map_count(&again.lines) == map_count(&counts.lines));
	if (tlsrpt_counts_due(&counts, 200000000, &arena, &due)) {
		tlsrpt_counts_report(&counts, &due, &arena, &report);
		tlsrpt_report_write(&report, &out);
		tlsrpt_counts_drop(&counts, &due);
		assert(map_count(&counts.lines) < map_count(&again.lines));
	}
	tlsrpt_counts_fini(&counts);
	tlsrpt_counts_fini(&again);
	buffer_fini(&out);
	arena_fini(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_addresses(span_of(data, size));
	check_report(span_of(data, size));
	check_counts(span_of(data, size));
	return 0;
}
