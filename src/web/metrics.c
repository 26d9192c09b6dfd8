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
add_head(struct buffer *out, struct span name, bool is_gauge, const char *text)
{
	buffer_print(out, "# TYPE posthouse_%.*s %s\n"
		"# HELP posthouse_%.*s %s\n", SPAN_PRINT(name),
		is_gauge ? "gauge" : "counter", SPAN_PRINT(name), text);
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
	if (!web_is_near(question->rules, question->client)) {
		page_status(answer, 403);
		return;
	}
	struct watched *rows = look(question, &count);
	if (count == 0) {
		page_status(answer, 503);
		return;
	}
	answer->type = "application/openmetrics-text; version=1.0.0; "
		"charset=utf-8";
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
