/*
 * Lines and numbers; tlsrpt_count.h. A line is fields between tabs
 * (proto/tabline.h): the period's begin, the domain, a word, and for results
 * key=value. The word is "success", the name of a failure, or a mark. The
 * format is doc/formats/tlsrpt.md.
 */
#include "trust/tlsrpt_count.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "proto/tabline.h"

static const char *const marks[TLSRPT_MARKS] = { "posted", "mailed", "retry" };
static const char *const types[] = { "tlsa", "sts", "none" };

void
tlsrpt_counts_init(struct tlsrpt_counts *counts, int64_t period)
{
	*counts = (struct tlsrpt_counts){ .period = period };
	map_init(&counts->lines);
}

void
tlsrpt_counts_fini(struct tlsrpt_counts *counts)
{
	size_t cursor = 0;
	struct span key;
	void *value;
	while (map_next(&counts->lines, &cursor, &key, &value))
		memory_free(value);
	map_fini(&counts->lines);
}

/* ---- lines ---- */

static void
begin_line(struct buffer *line, int64_t begin, struct span domain)
{
	struct buffer number;
	buffer_init(&number, 0);
	buffer_add_number(&number, (uint64_t)begin);
	tabline_add(line, buffer_span(&number));
	tabline_add(line, domain);
	buffer_fini(&number);
}

static void
add_optional(struct buffer *line, const char *key, struct span value)
{
	if (value.size > 0)
		tabline_add_pair(line, key, span_first(value,
			TLSRPT_TEXT_SIZE));
}

static void
write_line(struct buffer *line, const struct tlsrpt_session *session,
	int64_t begin)
{
	const struct tlsrpt_failure *failure = &session->failure;
	begin_line(line, begin, session->domain);
	tabline_add(line, span_from(session->is_failure ?
		tlsrpt_result_name(failure->result) : "success"));
	tabline_add_pair(line, "type", span_from(types[session->type]));
	tabline_add_pair(line, "of", session->policy_domain);
	for (size_t i = 0; i < session->text_count; i++)
		tabline_add_pair(line, "text", session->text[i]);
	for (size_t i = 0; i < session->mx_count; i++)
		tabline_add_pair(line, "mx", session->mx[i]);
	if (!session->is_failure)
		return;
	add_optional(line, "from", failure->sending_ip);
	add_optional(line, "ip", failure->receiving_ip);
	add_optional(line, "name", failure->receiving_name);
	add_optional(line, "helo", failure->receiving_helo);
	add_optional(line, "code", failure->code);
	add_optional(line, "information", failure->information);
}

static bool
has_room(const struct tlsrpt_counts *counts, struct span line)
{
	struct span rest = line, begin, domain, key;
	size_t cursor = 0, same = 0;
	void *value;
	if (line.size > TLSRPT_LINE_LIMIT ||
	    map_count(&counts->lines) >= TLSRPT_COUNT_LIMIT)
		return false;
	span_split(&rest, '\t', &begin);
	span_split(&rest, '\t', &domain);
	struct span prefix = span_first(line, line.size - rest.size);
	while (map_next(&counts->lines, &cursor, &key, &value))
		same += span_starts(key, prefix);
	return same < TLSRPT_COUNT_DOMAIN;
}

/* The number of a line; NULL when there is no room for a new one. */
static uint64_t *
number_of(struct tlsrpt_counts *counts, struct span line)
{
	uint64_t *number = map_get(&counts->lines, line);
	if (number != NULL || !has_room(counts, line))
		return number;
	number = memory_new(sizeof(*number));
	map_put(&counts->lines, line, number);
	return number;
}

bool
tlsrpt_counts_add(struct tlsrpt_counts *counts,
	const struct tlsrpt_session *session)
{
	struct buffer line;
	int64_t begin = session->now - session->now % counts->period;
	buffer_init(&line, 0);
	write_line(&line, session, begin);
	uint64_t *number = number_of(counts, buffer_span(&line));
	if (number != NULL)
		++*number;
	buffer_fini(&line);
	return number != NULL;
}

/* ---- what is due ---- */

/* The prefix of all lines of a report, with its last tab. */
static void
write_prefix(struct buffer *out, const struct tlsrpt_due *due)
{
	begin_line(out, due->begin, due->domain);
	buffer_add_byte(out, '\t');
}

static void
mark_line(struct buffer *out, const struct tlsrpt_due *due,
	enum tlsrpt_mark mark)
{
	begin_line(out, due->begin, due->domain);
	tabline_add(out, span_from(marks[mark]));
}

void
tlsrpt_counts_mark(struct tlsrpt_counts *counts, const struct tlsrpt_due *due,
	enum tlsrpt_mark mark, uint64_t value)
{
	struct buffer line;
	buffer_init(&line, 0);
	mark_line(&line, due, mark);
	uint64_t *number = map_get(&counts->lines, buffer_span(&line));
	if (number == NULL) {
		/* It has its place whatever the limits: there are few. */
		number = memory_new(sizeof(*number));
		map_put(&counts->lines, buffer_span(&line), number);
	}
	*number = value;
	buffer_fini(&line);
}

static void
read_marks(const struct tlsrpt_counts *counts, struct tlsrpt_due *due)
{
	struct buffer line;
	buffer_init(&line, 0);
	for (size_t i = 0; i < TLSRPT_MARKS; i++) {
		buffer_clear(&line);
		mark_line(&line, due, (enum tlsrpt_mark)i);
		const uint64_t *number = map_get(&counts->lines,
			buffer_span(&line));
		due->mark[i] = number == NULL ? 0 : *number;
	}
	buffer_fini(&line);
}

void
tlsrpt_counts_drop(struct tlsrpt_counts *counts, const struct tlsrpt_due *due)
{
	struct buffer prefix;
	struct span key;
	void *value;
	buffer_init(&prefix, 0);
	write_prefix(&prefix, due);
	for (size_t cursor = 0;
	    map_next(&counts->lines, &cursor, &key, &value);)
		if (span_starts(key, buffer_span(&prefix))) {
			memory_free(map_take(&counts->lines, key));
			cursor = 0;
		}
	buffer_fini(&prefix);
}

void
tlsrpt_counts_mailed(struct tlsrpt_counts *counts,
	const struct tlsrpt_due *due)
{
	struct tlsrpt_due copy = *due;
	read_marks(counts, &copy);
	if (copy.mark[TLSRPT_POSTED] != 0)
		tlsrpt_counts_drop(counts, &copy);
	else
		tlsrpt_counts_mark(counts, &copy, TLSRPT_MAILED, 1);
}

static bool
read_head(struct span line, struct arena *arena, struct tabline *fields,
	int64_t *begin)
{
	uint64_t number;
	if (!tabline_parse(arena_copy(arena, line), arena, fields) ||
	    fields->count < 3 || fields->field[1].size == 0 ||
	    !span_to_number(fields->field[0], INT64_MAX / 2, &number))
		return false;
	*begin = (int64_t)number;
	return true;
}

static int64_t
jitter_of(const struct tlsrpt_counts *counts, struct span domain)
{
	static const uint8_t key[16] = "posthouse tlsrpt";
	int64_t spread = counts->period / 6;
	return spread == 0 ? 0 : (int64_t)(hash_siphash(key, domain) %
		(uint64_t)spread);
}

bool
tlsrpt_counts_due(struct tlsrpt_counts *counts, int64_t now,
	struct arena *arena, struct tlsrpt_due *due)
{
	struct span key;
	void *value;
	size_t cursor = 0;
	while (map_next(&counts->lines, &cursor, &key, &value)) {
		struct tabline fields;
		if (!read_head(key, arena, &fields, &due->begin))
			continue;
		due->domain = fields.field[1];
		due->end = due->begin + counts->period;
		if (due->end + TLSRPT_PERIODS * counts->period <= now) {
			tlsrpt_counts_drop(counts, due);
			cursor = 0;
			continue;
		}
		if (due->end + jitter_of(counts, due->domain) > now)
			continue;
		read_marks(counts, due);
		if (due->mark[TLSRPT_RETRY] <= (uint64_t)now)
			return true;
	}
	return false;
}

/* ---- the report ---- */

static bool
spans_equal(const struct span *a, const struct span *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!span_equals(a[i], b[i]))
			return false;
	return true;
}

static bool
is_same_policy(const struct tlsrpt_policy *a,
	const struct tlsrpt_session *b)
{
	return a->type == b->type && span_equals(a->domain, b->policy_domain) &&
		a->text_count == b->text_count && a->mx_count == b->mx_count &&
		spans_equal(a->text, b->text, a->text_count) &&
		spans_equal(a->mx, b->mx, a->mx_count);
}

static void
add_to_list(struct span *list, size_t *count, struct span value)
{
	if (*count < TLSRPT_POLICY_TEXTS)
		list[(*count)++] = value;
}

static void
read_field(struct span field, struct tlsrpt_session *session)
{
	struct tlsrpt_failure *failure = &session->failure;
	struct span value;
	if (tabline_value(field, "type", &value)) {
		session->type = span_equals(value, SPAN("tlsa")) ? TLSRPT_TLSA :
			span_equals(value, SPAN("sts")) ? TLSRPT_STS :
			TLSRPT_NO_POLICY;
	} else if (tabline_value(field, "of", &value)) {
		session->policy_domain = value;
	} else if (tabline_value(field, "text", &value)) {
		add_to_list(session->text, &session->text_count, value);
	} else if (tabline_value(field, "mx", &value)) {
		add_to_list(session->mx, &session->mx_count, value);
	} else {
		(void)(tabline_value(field, "from", &failure->sending_ip) ||
			tabline_value(field, "ip", &failure->receiving_ip) ||
			tabline_value(field, "name",
				&failure->receiving_name) ||
			tabline_value(field, "helo",
				&failure->receiving_helo) ||
			tabline_value(field, "code", &failure->code) ||
			tabline_value(field, "information",
				&failure->information));
	}
}

/* False when the line is a mark, or nothing. */
static bool
read_session(struct span line, struct arena *arena,
	struct tlsrpt_session *session)
{
	struct tabline fields;
	memset(session, 0, sizeof(*session));
	if (!read_head(line, arena, &fields, &session->now))
		return false;
	session->domain = fields.field[1];
	session->is_failure = tlsrpt_result_find(fields.field[2],
		&session->failure.result);
	if (!session->is_failure &&
	    !span_equals(fields.field[2], SPAN("success")))
		return false;
	for (size_t i = 3; i < fields.count; i++)
		read_field(fields.field[i], session);
	return true;
}

static struct span *
copy_spans(struct arena *arena, const struct span *list, size_t count)
{
	struct span *copy = arena_new_array(arena, count + 1, sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = list[i];
	return copy;
}

/* The policy that the session belongs to; NULL when there are too many. */
static struct tlsrpt_policy *
policy_of(struct tlsrpt_report *report, struct tlsrpt_policy *policies,
	const struct tlsrpt_session *session, struct arena *arena)
{
	for (size_t i = 0; i < report->policy_count; i++)
		if (is_same_policy(&policies[i], session))
			return &policies[i];
	if (report->policy_count == TLSRPT_POLICIES)
		return NULL;
	struct tlsrpt_policy *policy = &policies[report->policy_count++];
	*policy = (struct tlsrpt_policy){ .type = session->type,
		.domain = session->policy_domain,
		.text = copy_spans(arena, session->text, session->text_count),
		.text_count = session->text_count,
		.mx = copy_spans(arena, session->mx, session->mx_count),
		.mx_count = session->mx_count,
		.failure = arena_new_array(arena, TLSRPT_COUNT_DOMAIN,
			sizeof(*policy->failure)) };
	return policy;
}

void
tlsrpt_counts_report(const struct tlsrpt_counts *counts,
	const struct tlsrpt_due *due, struct arena *arena,
	struct tlsrpt_report *report)
{
	static const uint8_t id_key[16] = "posthouse report";
	struct tlsrpt_policy *policies = arena_new_array(arena,
		TLSRPT_POLICIES, sizeof(*policies));
	struct buffer prefix;
	struct span key;
	void *value;
	size_t cursor = 0;
	buffer_init(&prefix, 0);
	write_prefix(&prefix, due);
	report->begin = due->begin;
	report->end = due->end - 1000;	/* 23:59:59, as in 4.4 */
	report->id = arena_print(arena, "%lld.%016llx",
		(long long)(due->begin / 1000), (unsigned long long)
		hash_siphash(id_key, due->domain));
	report->policy = policies;
	while (map_next(&counts->lines, &cursor, &key, &value)) {
		struct tlsrpt_session session;
		uint64_t number = *(const uint64_t *)value;
		if (!span_starts(key, buffer_span(&prefix)) ||
		    !read_session(key, arena, &session))
			continue;
		struct tlsrpt_policy *policy = policy_of(report, policies,
			&session, arena);
		if (policy == NULL)
			continue;
		if (!session.is_failure) {
			policy->successes += number;
			continue;
		}
		policy->failures += number;
		session.failure.count = number;
		if (policy->failure_count < TLSRPT_COUNT_DOMAIN)
			((struct tlsrpt_failure *)policy->failure)
				[policy->failure_count++] = session.failure;
	}
	buffer_fini(&prefix);
}

/* ---- over a restart ---- */

void
tlsrpt_counts_write(const struct tlsrpt_counts *counts, struct buffer *out)
{
	struct span key;
	void *value;
	size_t cursor = 0;
	while (map_next(&counts->lines, &cursor, &key, &value)) {
		buffer_add_number(out, *(const uint64_t *)value);
		buffer_add_byte(out, '\t');
		buffer_add(out, key);
		buffer_add_byte(out, '\n');
	}
}

/* As we write it: whoever looks for it again finds it. */
static bool
is_ours(struct span key, struct arena *arena)
{
	struct tlsrpt_due due;
	struct tabline fields;
	struct buffer prefix;
	if (!read_head(key, arena, &fields, &due.begin))
		return false;
	due.domain = fields.field[1];
	buffer_init(&prefix, 0);
	write_prefix(&prefix, &due);
	bool ok = span_starts(key, buffer_span(&prefix));
	buffer_fini(&prefix);
	return ok;
}

void
tlsrpt_counts_read(struct tlsrpt_counts *counts, struct span line)
{
	struct arena arena;
	struct span number, key = line;
	uint64_t count;
	arena_init(&arena, 0);
	if (span_split(&key, '\t', &number) && key.size <= TLSRPT_LINE_LIMIT &&
	    span_to_number(number, INT64_MAX, &count) &&
	    is_ours(key, &arena)) {
		uint64_t *stored = number_of(counts, key);
		if (stored != NULL)
			*stored = count;
	}
	arena_fini(&arena);
}
