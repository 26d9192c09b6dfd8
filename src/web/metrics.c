/*
 * OpenMetrics 1.0 from the counters' own table (serve/counter.h), and one page
 * for load balancers.
 */
#include "web/metrics.h"

#include <string.h>

#include "base/clock.h"

enum { LOOK_WAIT = 2000 /* ms */ };

#define GAUGE true
#define COUNTER false
static const struct {
	const char *name, *text;
	bool is_gauge;
} families[COUNTER_COUNT] = {
#define FAMILY(id, name, kind, text) { name, text, kind },
	COUNTER_LIST(FAMILY)
#undef FAMILY
};
#undef GAUGE
#undef COUNTER

/* A counter's family is its name without _total. */
static struct span
family_of(size_t i)
{
	struct span name = span_from(families[i].name);
	return !families[i].is_gauge && span_ends_nocase(name, SPAN("_total")) ?
		span_first(name, name.size - 6) : name;
}

static void
add_labels(struct buffer *out, const struct watched *row)
{
	buffer_print(out, "{process=\"%s\",instance=\"%u\"} ", row->name,
		row->instance);
}

static void
add_type(struct buffer *out, struct span name, const char *type,
	const char *text)
{
	buffer_print(out, "# TYPE posthouse_%.*s %s\n"
		"# HELP posthouse_%.*s %s\n", SPAN_PRINT(name), type,
		SPAN_PRINT(name), text);
}

static void
add_head(struct buffer *out, struct span name, bool is_gauge, const char *text)
{
	add_type(out, name, is_gauge ? "gauge" : "counter", text);
}

static void
add_family(struct buffer *out, size_t i, const struct watched *rows,
	size_t count)
{
	struct span name = family_of(i);
	add_head(out, name, families[i].is_gauge, families[i].text);
	for (size_t k = 0; k < count; k++) {
		buffer_print(out, "posthouse_%.*s%s", SPAN_PRINT(name),
			families[i].is_gauge ? "" : "_total");
		add_labels(out, &rows[k]);
		buffer_add_number(out, rows[k].value[i]);
		buffer_add_byte(out, '\n');
	}
}

/* ---- times ---- */

/* Its process, or the old or new one at an upgrade: "queue (old)". */
static bool
is_of(const struct watched *row, const struct histogram_row *histogram)
{
	size_t size = strlen(histogram->program);
	return strncmp(row->name, histogram->program, size) == 0 &&
		(row->name[size] == '\0' || row->name[size] == ' ');
}

/* A sample's name and labels, but for the last: `le`, or none. */
static void
add_sample(struct buffer *out, const struct watched *row,
	const struct histogram_row *histogram, const char *suffix,
	const char *le)
{
	buffer_print(out, "posthouse_%s_%s{process=\"%s\",instance=\"%u\"%s%s",
		histogram->name, suffix, row->name, row->instance,
		histogram->label[0] != '\0' ? "," : "", histogram->label);
	if (le != NULL)
		buffer_print(out, ",le=\"%s\"", le);
	buffer_add_string(out, "} ");
}

/* Buckets are cumulative (OpenMetrics 1.0, 5.3); all numbers of it come from one
 * copy, so that the last is the count. */
static void
add_distribution(struct buffer *out, const struct watched *row, size_t i)
{
	const struct histogram_row *histogram = &histogram_rows[i];
	const struct histogram_numbers *numbers = &row->histogram[i];
	uint64_t count = 0;
	for (size_t k = 0; k < HISTOGRAM_BUCKETS; k++) {
		count += numbers->bucket[k];
		add_sample(out, row, histogram, "bucket",
			histogram_bound_text(k));
		buffer_print(out, "%llu\n", (unsigned long long)count);
	}
	add_sample(out, row, histogram, histogram->is_gauge ? "gcount" :
		"count", NULL);
	buffer_print(out, "%llu\n", (unsigned long long)count);
	add_sample(out, row, histogram, histogram->is_gauge ? "gsum" : "sum",
		NULL);
	buffer_print(out, "%llu.%06u\n",
		(unsigned long long)numbers->sum / 1000000,
		(unsigned)(numbers->sum % 1000000));
}

static void
add_times(struct buffer *out, size_t i, const struct watched *rows,
	size_t count)
{
	const struct histogram_row *histogram = &histogram_rows[i];
	if (i == 0 || strcmp(histogram->name, histogram[-1].name) != 0) {
		add_type(out, span_from(histogram->name), histogram->is_gauge ?
			"gaugehistogram" : "histogram", histogram->text);
		buffer_print(out, "# UNIT posthouse_%s seconds\n",
			histogram->name);
	}
	for (size_t k = 0; k < count; k++)
		if (is_of(&rows[k], histogram))
			add_distribution(out, &rows[k], i);
}

static void
add_processes(struct buffer *out, const struct watched *rows, size_t count)
{
	add_head(out, SPAN("process_up"), true,
		"1: it runs and serves");
	for (size_t k = 0; k < count; k++) {
		buffer_add_string(out, "posthouse_process_up");
		add_labels(out, &rows[k]);
		buffer_print(out, "%d\n", rows[k].is_up);
	}
	add_head(out, SPAN("process_restarts"), false,
		"how often it was started again");
	for (size_t k = 0; k < count; k++) {
		buffer_add_string(out, "posthouse_process_restarts_total");
		add_labels(out, &rows[k]);
		buffer_print(out, "%u\n", rows[k].restarts);
	}
	add_head(out, SPAN("process_start_time_seconds"), true,
		"since when it runs, in seconds since 1970");
	for (size_t k = 0; k < count; k++) {
		buffer_add_string(out, "posthouse_process_start_time_seconds");
		add_labels(out, &rows[k]);
		buffer_print(out, "%lld\n",
			(long long)(rows[k].started / 1000));
	}
}

void
metrics_write(struct buffer *out, const struct watched *rows, size_t count)
{
	for (size_t i = 0; i < COUNTER_COUNT; i++)
		add_family(out, i, rows, count);
	for (size_t i = 0; i < HISTOGRAM_COUNT; i++)
		add_times(out, i, rows, count);
	add_processes(out, rows, count);
	buffer_add_string(out, "# EOF\n");
}

/* ---- pages ---- */

static struct watched *
look(const struct question *question, size_t *count)
{
	struct watched *rows = arena_new_array(question->arena, WATCH_LIMIT,
		sizeof(*rows));
	*count = watch_look(rows, clock_monotonic() + LOOK_WAIT);
	return rows;
}

void
metrics_answer(const struct question *question, struct answer *answer)
{
	size_t count;
	struct span accepted = span_of("", 0);
	if (!web_is_near(question->rules, question->client)) {
		page_status(answer, 403);
		return;
	}
	struct watched *rows = look(question, &count);
	if (count == 0) {
		page_status(answer, 503);
		return;
	}
	http_field(question->request, SPAN("accept"), &accepted);
	/* a browser shows it then, instead of keeping it as a file */
	answer->type = span_search(accepted, SPAN("text/html")) <
		accepted.size ? "text/plain; charset=utf-8" :
		"application/openmetrics-text; version=1.0.0; charset=utf-8";
	metrics_write(&answer->body, rows, count);
}

static void
write_json(struct buffer *out, const struct watched *rows, size_t count,
	bool is_well, bool is_near)
{
	buffer_print(out, "{\"status\":\"%s\"", is_well ? "ok" : "down");
	if (is_near)
		buffer_add_string(out, ",\"processes\":[");
	for (size_t i = 0; is_near && i < count; i++)
		buffer_print(out, "%s{\"process\":\"%s\",\"instance\":%u,"
			"\"up\":%s,\"restarts\":%u}", i == 0 ? "" : ",",
			rows[i].name, rows[i].instance, rows[i].is_up ? "true" :
			"false", rows[i].restarts);
	buffer_add_string(out, is_near ? "]}\n" : "}\n");
}

void
metrics_answer_health(const struct question *question, struct answer *answer)
{
	size_t count;
	struct span accepted = span_of("", 0);
	bool is_near = web_is_near(question->rules, question->client);
	struct watched *rows = look(question, &count);
	bool is_well = count > 0;
	/* "smtpd (new)" is none yet that others need. */
	for (size_t i = 0; i < count; i++)
		is_well &= rows[i].is_up || strchr(rows[i].name, '(') != NULL;
	http_field(question->request, SPAN("accept"), &accepted);
	answer->status = is_well ? 200 : 503;
	if (span_search(accepted, SPAN("json")) < accepted.size) {
		answer->type = "application/json; charset=utf-8";
		write_json(&answer->body, rows, count, is_well, is_near);
		return;
	}
	answer->type = "text/plain; charset=utf-8";
	buffer_add_string(&answer->body, is_well ? "ok\n" : "down\n");
	for (size_t i = 0; is_near && i < count; i++)
		if (!rows[i].is_up)
			buffer_print(&answer->body, "%s %u\n", rows[i].name,
				rows[i].instance);
}
