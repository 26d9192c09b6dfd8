/* The report of RFC 8460 4.4, as I-JSON (RFC 7493). */
#include <jansson.h>
#include <pthread.h>
#include <time.h>

#include "base/memory.h"
#include "trust/tlsrpt.h"

/* Without memory the process ends; so none of the calls below can fail. */
static void
set_memory(void)
{
	json_set_alloc_funcs(memory_new, memory_free);
}

static const char *const policy_types[] = {
	[TLSRPT_TLSA] = "tlsa",
	[TLSRPT_STS] = "sts",
	[TLSRPT_NO_POLICY] = "no-policy-found",
};

/* Text of strangers, cut; what is not printable ASCII becomes "?". */
static json_t *
text(struct span s)
{
	char clean[TLSRPT_TEXT_SIZE];
	s = span_first(s, sizeof(clean));
	for (size_t i = 0; i < s.size; i++)
		clean[i] = s.data[i] < ' ' || s.data[i] > '~' ? '?' : s.data[i];
	return json_stringn(clean, s.size);
}

static void
put(json_t *object, const char *key, struct span value)
{
	if (value.size > 0)
		json_object_set_new(object, key, text(value));
}

static json_t *
list(const struct span *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, text(items[i]));
	return array;
}

static json_t *
date(int64_t wall)
{
	char out[sizeof("2026-11-22T00:00:00Z") + 40];
	time_t seconds = (time_t)(wall / 1000);
	struct tm parts;
	gmtime_r(&seconds, &parts);
	strftime(out, sizeof(out), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return json_string(out);
}

static json_t *
failure(const struct tlsrpt_failure *from)
{
	json_t *object = json_object();
	json_object_set_new(object, "result-type",
		json_string(tlsrpt_result_name(from->result)));
	put(object, "sending-mta-ip", from->sending_ip);
	put(object, "receiving-mx-hostname", from->receiving_name);
	put(object, "receiving-mx-helo", from->receiving_helo);
	put(object, "receiving-ip", from->receiving_ip);
	json_object_set_new(object, "failed-session-count",
		json_integer((json_int_t)from->count));
	put(object, "additional-information", from->information);
	put(object, "failure-reason-code", from->code);
	return object;
}

static json_t *
policy(const struct tlsrpt_policy *from)
{
	json_t *object = json_object(), *said = json_object();
	json_t *summary = json_object(), *failures = json_array();
	json_object_set_new(said, "policy-type",
		json_string(policy_types[from->type]));
	if (from->text_count > 0)
		json_object_set_new(said, "policy-string",
			list(from->text, from->text_count));
	json_object_set_new(said, "policy-domain", text(from->domain));
	if (from->mx_count > 0)
		json_object_set_new(said, "mx-host",
			list(from->mx, from->mx_count));
	json_object_set_new(object, "policy", said);
	json_object_set_new(summary, "total-successful-session-count",
		json_integer((json_int_t)from->successes));
	json_object_set_new(summary, "total-failure-session-count",
		json_integer((json_int_t)from->failures));
	json_object_set_new(object, "summary", summary);
	for (size_t i = 0; i < from->failure_count; i++)
		json_array_append_new(failures, failure(&from->failure[i]));
	if (json_array_size(failures) > 0)
		json_object_set(object, "failure-details", failures);
	json_decref(failures);
	return object;
}

static int
add(const char *bytes, size_t size, void *out)
{
	buffer_add(out, span_of(bytes, size));
	return 0;
}

void
tlsrpt_report_write(const struct tlsrpt_report *report, struct buffer *out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, set_memory);
	json_t *root = json_object(), *range = json_object();
	json_t *policies = json_array();
	json_object_set_new(root, "organization-name",
		text(report->organization));
	json_object_set_new(range, "start-datetime", date(report->begin));
	json_object_set_new(range, "end-datetime", date(report->end));
	json_object_set_new(root, "date-range", range);
	json_object_set_new(root, "contact-info", text(report->contact));
	json_object_set_new(root, "report-id", text(report->id));
	for (size_t i = 0; i < report->policy_count; i++)
		json_array_append_new(policies, policy(&report->policy[i]));
	json_object_set_new(root, "policies", policies);
	json_dump_callback(root, add, out, JSON_INDENT(1));
	buffer_add_byte(out, '\n');
	json_decref(root);
}

struct span
tlsrpt_report_file(const struct tlsrpt_report *report, struct span sender,
	struct span domain, struct arena *arena)
{
	return arena_print(arena, "%.*s!%.*s!%lld!%lld!%.*s.json",
		SPAN_PRINT(sender), SPAN_PRINT(domain),
		(long long)(report->begin / 1000),
		(long long)(report->end / 1000), SPAN_PRINT(report->id));
}
