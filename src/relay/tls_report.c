/* Counting for TLS reports; tls_report.h. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "relay/tls_report_inner.h"

static const struct span mark = SPAN("TLS-Report-Domain: ");

bool
tls_report_is_one(struct span message)
{
	return span_starts(message, mark);
}

/* ---- the file ---- */

static void
read_line(void *context, struct span line)
{
	struct tls_reports *reports = context;
	tlsrpt_counts_read(&reports->counts, line);
}

/* Of several deliveries one writes, and nobody waits for it. */
static bool
is_to_save(struct tls_reports *reports, int64_t wait)
{
	int64_t now = clock_monotonic();
	pthread_mutex_lock(&reports->lock);
	bool is_due = reports->file != NULL && reports->is_changed &&
		now - reports->saved >= wait;
	if (is_due)
		reports->saved = now;
	pthread_mutex_unlock(&reports->lock);
	return is_due;
}

void
tls_reports_save(struct tls_reports *reports, int64_t wait)
{
	struct buffer lines;
	struct error error;
	if (!is_to_save(reports, wait))
		return;
	buffer_init(&lines, 0);
	pthread_mutex_lock(&reports->file_lock);
	pthread_mutex_lock(&reports->lock);
	tlsrpt_counts_write(&reports->counts, &lines);
	reports->is_changed = false;
	pthread_mutex_unlock(&reports->lock);
	if (pair_file_replace(reports->file, buffer_span(&lines), &error) < 0)
		log_event(LOG_WARN, "tls-reports-not-written", NULL,
			LOG_TEXT("reason", error.text));
	pthread_mutex_unlock(&reports->file_lock);
	buffer_fini(&lines);
}

struct tls_reports *
tls_reports_new(struct pair_file **file, int64_t period,
	const struct tls_report_world *world)
{
	struct tls_reports *new = memory_new(sizeof(*new));
	pthread_mutex_init(&new->lock, NULL);
	pthread_mutex_init(&new->file_lock, NULL);
	tlsrpt_counts_init(&new->counts, period);
	new->world = *world;
	new->file = *file;
	*file = NULL;
	if (new->file != NULL)
		pair_file_read(new->file, read_line, new);
	return new;
}

void
tls_reports_free(struct tls_reports **reports)
{
	if (*reports == NULL)
		return;
	tls_reports_save(*reports, 0);
	pair_file_close(&(*reports)->file);
	tlsrpt_counts_fini(&(*reports)->counts);
	pthread_mutex_destroy(&(*reports)->lock);
	pthread_mutex_destroy(&(*reports)->file_lock);
	memory_free(*reports);
	*reports = NULL;
}

void
tls_reports_set_rules(struct tls_reports *reports,
	const struct tls_report_rules *rules)
{
	pthread_mutex_lock(&reports->lock);
	reports->rules = *rules;
	pthread_mutex_unlock(&reports->lock);
}

/* ---- the policy of a session (4.2) ---- */

static void
add_text(struct tlsrpt_session *out, struct span text)
{
	if (out->text_count < TLSRPT_POLICY_TEXTS)
		out->text[out->text_count++] = span_first(text,
			TLSRPT_TEXT_SIZE);
}

static void
describe_tlsa(const struct tls_plan *plan, struct arena *arena,
	struct tlsrpt_session *out)
{
	struct buffer text;
	out->type = TLSRPT_TLSA;
	if (plan->name_count > 0)
		out->policy_domain = plan->names[0];	/* the TLSA base */
	buffer_init(&text, 0);
	for (size_t i = 0; i < plan->tlsa_count; i++) {
		const struct tls_tlsa *record = &plan->tlsa[i];
		buffer_clear(&text);
		buffer_print(&text, "%u %u %u ", record->usage,
			record->selector, record->matching);
		buffer_add_hex(&text, span_first(record->data, 64));
		add_text(out, arena_copy(arena, buffer_span(&text)));
	}
	buffer_fini(&text);
}

static void
describe_sts(const struct mta_sts_policy *policy, struct arena *arena,
	struct tlsrpt_session *out)
{
	out->type = TLSRPT_STS;
	add_text(out, SPAN("version: STSv1"));
	add_text(out, arena_print(arena, "mode: %s",
		mta_sts_mode_name(policy->mode)));
	add_text(out, arena_print(arena, "max_age: %u", policy->max_age));
	for (size_t i = 0; i < policy->mx_count; i++) {
		add_text(out, arena_print(arena, "mx: %.*s",
			SPAN_PRINT(policy->mx[i])));
		if (out->mx_count < TLSRPT_POLICY_TEXTS)
			out->mx[out->mx_count++] = policy->mx[i];
	}
}

static void
describe_policy(const struct tls_report_session *session, struct arena *arena,
	struct tlsrpt_session *out)
{
	const struct tls_policy_facts *facts = session->facts;
	out->policy_domain = session->domain;
	if (facts->dane == DANE_VERIFY)
		describe_tlsa(session->plan, arena, out);
	else if (facts->dane == DANE_LATER || facts->level ==
	    TLS_LEVEL_DANE_ONLY)
		out->type = TLSRPT_TLSA;
	else if (facts->sts == TLS_STS_ENFORCE || facts->sts == TLS_STS_TESTING)
		describe_sts(session->policy, arena, out);
	else
		out->type = TLSRPT_NO_POLICY;
}

/* ---- the result (4.3) ---- */

static void
fail(struct tlsrpt_session *out, enum tlsrpt_result result,
	struct span information)
{
	out->is_failure = true;
	out->failure.result = result;
	out->failure.information = information;
}

/* The host was not even connected to. */
static bool
judge_plan(const struct tls_report_session *session,
	struct tlsrpt_session *out)
{
	const struct tls_policy_facts *facts = session->facts;
	struct span reason = span_from(session->plan->demand.reason);
	if (session->plan->is_ours)
		return false;
	if (facts->dane == DANE_LATER)
		fail(out, TLSRPT_DNSSEC_INVALID, reason);
	else if (facts->level == TLS_LEVEL_DANE_ONLY)
		fail(out, TLSRPT_DANE_REQUIRED, reason);
	else if (facts->sts == TLS_STS_ENFORCE && !facts->is_sts_host)
		fail(out, TLSRPT_VALIDATION_FAILURE, reason);
	else
		return false;
	return true;
}

/* What would have been wrong if the policy were in force. */
static void
judge_testing(const struct tls_report_session *session,
	struct tlsrpt_session *out)
{
	const struct tls_connect_facts *found = &session->tls->facts;
	if (!session->facts->is_sts_host)
		fail(out, TLSRPT_VALIDATION_FAILURE, SPAN("the host is not "
			"named by the policy"));
	else if (!found->is_chain_ok)
		fail(out, tlsrpt_result_of(found->problem),
			span_from(found->reason));
	else if (!found->is_name_ok)
		fail(out, TLSRPT_CERTIFICATE_HOST_MISMATCH,
			span_from(found->reason));
}

/* False: it says nothing about TLS. */
static bool
judge(const struct tls_report_session *session, struct tlsrpt_session *out)
{
	if (session->plan->demand.wish == TLS_NOT_THIS_HOST)
		return judge_plan(session, out);
	switch (session->tls->outcome) {
	case OPEN_TLS_NOT_TRIED:
		return false;
	case OPEN_TLS_NOT_OFFERED:
		fail(out, TLSRPT_STARTTLS_NOT_SUPPORTED, SPAN(""));
		return true;
	case OPEN_TLS_FAILED:
		fail(out, tlsrpt_result_of(session->tls->facts.problem),
			span_from(session->tls->facts.reason));
		return true;
	case OPEN_TLS_DONE:
		break;
	}
	if (out->type == TLSRPT_STS && session->facts->sts == TLS_STS_TESTING)
		judge_testing(session, out);
	return true;
}

/* ---- counting ---- */

static void
count(struct tls_reports *reports, const struct tlsrpt_session *session)
{
	pthread_mutex_lock(&reports->lock);
	if (tlsrpt_counts_add(&reports->counts, session))
		reports->is_changed = true;
	pthread_mutex_unlock(&reports->lock);
	tls_reports_save(reports, TLS_REPORT_SAVE);
}

void
tls_reports_note(struct tls_reports *reports,
	const struct tls_report_session *session, int64_t now)
{
	struct tlsrpt_session out = { .domain = session->domain, .now = now };
	struct arena arena;
	char ip[NETWORK_TEXT_SIZE];
	if (reports == NULL || session->domain.size == 0)
		return;
	arena_init(&arena, 0);
	describe_policy(session, &arena, &out);
	if (judge(session, &out)) {
		out.failure.receiving_name = session->host;
		if (session->address != NULL) {
			network_address_format(session->address, ip);
			out.failure.receiving_ip = span_from(ip);
		}
		count(reports, &out);
	}
	arena_fini(&arena);
}

void
tls_reports_note_unfetched(struct tls_reports *reports, struct span domain,
	int64_t now)
{
	const struct tlsrpt_session session = { .domain = domain, .now = now,
		.type = TLSRPT_STS, .policy_domain = domain,
		.is_failure = true,
		.failure.result = TLSRPT_STS_POLICY_FETCH_ERROR };
	if (reports != NULL)
		count(reports, &session);
}
