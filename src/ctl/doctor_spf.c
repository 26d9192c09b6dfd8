/* See doctor_spf.h. Every term is looked at, also behind the one that decides,
 * so that the number of questions is the worst case. */
#include "ctl/doctor_spf.h"

#include <string.h>

#include "proto/dns.h"

enum { SPF_DEPTH = 12, SPF_GIVE_UP = 30 };

struct spf {
	struct doctor_facts *facts;
	const struct network_address *address;
	struct spf_verdict *verdict;
	bool is_pending;		/* an answer is missing */
	unsigned depth;
};

/* One mechanism taken apart: "-a:example.org/24//64". */
struct term {
	char qualifier;
	struct span name, value;	/* value: behind ':' or '=' */
	char separator;			/* ':', '=', '/' or 0 */
	struct span prefix;		/* "/24//64", or empty */
};

static enum spf_result
check_host(struct spf *spf, const char *domain);

static enum spf_result
break_at(struct spf *spf, struct span term)
{
	if (spf->depth == 1 || spf->verdict->term == NULL)
		spf->verdict->term = arena_copy_string(spf->facts->arena, term);
	return SPF_BROKEN;
}

static void
term_read(struct span text, struct term *term)
{
	*term = (struct term){ .qualifier = '+' };
	if (text.size > 0 && memchr("+-~?", text.data[0], 4) != NULL) {
		term->qualifier = text.data[0];
		text = span_skip(text, 1);
	}
	size_t end = 0;
	while (end < text.size && memchr(":=/", text.data[end], 3) == NULL)
		end++;
	term->name = span_first(text, end);
	term->separator = end < text.size ? text.data[end] : '\0';
	term->value = span_skip(text, term->separator == '/' ? end : end + 1);
	size_t slash = span_find(term->value, '/');
	if (term->separator != '=' &&
	    !span_equals_nocase(term->name, SPAN("ip4")) &&
	    !span_equals_nocase(term->name, SPAN("ip6"))) {
		term->prefix = span_skip(term->value, slash);
		term->value = span_first(term->value, slash);
	}
}

/* ---- matching ---- */

/* "/24" of "/24//64", the part of the address's family. */
static struct span
prefix_for(const struct term *term, const struct network_address *address)
{
	size_t second = span_search(term->prefix, SPAN("//"));
	return address->family == AF_INET ? span_first(term->prefix, second) :
		span_skip(term->prefix, second + 1);
}

static bool
matches_records(const struct spf *spf, const struct doctor_answer *answer,
	const struct term *term)
{
	struct span prefix = prefix_for(term, spf->address);
	for (size_t i = 0; i < answer->count; i++) {
		struct span network = spf->address->family == AF_INET ?
			arena_print(spf->facts->arena, "%s%.*s",
			answer->text[i], SPAN_PRINT(prefix)) :
			arena_print(spf->facts->arena, "[%s]%.*s",
			answer->text[i], SPAN_PRINT(prefix));
		if (network_list_contains(network, spf->address))
			return true;
	}
	return false;
}

static bool
matches_host(struct spf *spf, const char *host, const struct term *term)
{
	const struct doctor_answer *answer = doctor_answer_best(spf->facts,
		host, spf->address->family == AF_INET ? DNS_TYPE_A :
		DNS_TYPE_AAAA);
	spf->is_pending |= answer->outcome < DOCTOR_NO_NAME;
	return matches_records(spf, answer, term);
}

static bool
matches_mx(struct spf *spf, const char *domain, const struct term *term)
{
	const struct doctor_answer *mx = doctor_answer_best(spf->facts, domain,
		DNS_TYPE_MX);
	bool matches = false;
	spf->is_pending |= mx->outcome < DOCTOR_NO_NAME;
	for (size_t i = 0; i < mx->count && i < SPF_LOOKUPS; i++) {
		const char *blank = strchr(mx->text[i], ' ');
		if (blank != NULL && blank[1] != '\0')
			matches |= matches_host(spf, blank + 1, term);
	}
	return matches;
}

static bool
matches_network(const struct spf *spf, const struct term *term)
{
	bool is_ipv6 = span_equals_nocase(term->name, SPAN("ip6"));
	if (is_ipv6 != (spf->address->family == AF_INET6))
		return false;
	size_t slash = span_find(term->value, '/');
	struct span network = is_ipv6 ? arena_print(spf->facts->arena,
		"[%.*s]%.*s", SPAN_PRINT(span_first(term->value, slash)),
		SPAN_PRINT(span_skip(term->value, slash))) : term->value;
	return network_list_contains(network, spf->address);
}

static bool
is_network(const struct term *term)
{
	struct network_address address;
	uint64_t bits = 0;
	size_t slash = span_find(term->value, '/');
	bool is_ipv6 = span_equals_nocase(term->name, SPAN("ip6"));
	return network_address_parse(span_first(term->value, slash), &address)
		&& address.family == (is_ipv6 ? AF_INET6 : AF_INET) &&
		(slash == term->value.size || span_to_number(span_skip(
		term->value, slash + 1), is_ipv6 ? 128 : 32, &bits));
}

/* ---- terms ---- */

enum kind { ALL, INCLUDE, A, MX, PTR, IP, EXISTS, REDIRECT, EXPLAIN };

static const struct {
	struct span name;
	enum kind kind;
	char separator;			/* that it must have; 0: may */
	bool is_question;		/* counted by 4.6.4 */
} kinds[] = {
	{ SPAN("all"), ALL, 0, false },
	{ SPAN("include"), INCLUDE, ':', true },
	{ SPAN("a"), A, 0, true },
	{ SPAN("mx"), MX, 0, true },
	{ SPAN("ptr"), PTR, 0, true },
	{ SPAN("ip4"), IP, ':', false },
	{ SPAN("ip6"), IP, ':', false },
	{ SPAN("exists"), EXISTS, ':', true },
	{ SPAN("redirect"), REDIRECT, '=', true },
	{ SPAN("exp"), EXPLAIN, '=', false },
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static size_t
find_kind(const struct term *term)
{
	size_t i = 0;
	while (i < KINDS && !span_equals_nocase(term->name, kinds[i].name))
		i++;
	if (i < KINDS && kinds[i].separator != '\0' &&
	    kinds[i].separator != term->separator)
		return KINDS;
	return i;
}

static enum spf_result
result_of(char qualifier)
{
	return qualifier == '+' ? SPF_PASS : qualifier == '-' ? SPF_FAIL :
		qualifier == '~' ? SPF_SOFTFAIL : SPF_NEUTRAL;
}

/* SPF_NONE: it does not match. */
static enum spf_result
judge_include(struct spf *spf, const struct term *term, const char *target)
{
	enum spf_result result = check_host(spf, target);
	switch (result) {
	case SPF_PASS:
		return result_of(term->qualifier);
	case SPF_NONE:		/* 5.2: no record there is an error */
	case SPF_MANY:
	case SPF_BROKEN:
		return break_at(spf, arena_print(spf->facts->arena,
			"include:%s", target));
	case SPF_UNKNOWN:
		return SPF_UNKNOWN;
	default:
		return SPF_NONE;
	}
}

static enum spf_result
judge_term(struct spf *spf, struct span text, const char *domain)
{
	struct term term;
	term_read(text, &term);
	size_t row = find_kind(&term);
	/* Modifiers that nobody knows are passed over (6). */
	if (row == KINDS)
		return term.separator == '=' ? SPF_NONE : break_at(spf, text);
	if (kinds[row].is_question && ++spf->verdict->lookups > SPF_GIVE_UP)
		return SPF_UNKNOWN;
	if (span_find(term.value, '%') < term.value.size)
		return kinds[row].kind == EXPLAIN ? SPF_NONE : SPF_UNKNOWN;
	const char *target = term.value.size == 0 ? domain :
		arena_copy_string(spf->facts->arena, term.value);
	bool matches = false;
	switch (kinds[row].kind) {
	case ALL:
		if (term.qualifier == '+' && spf->depth == 1)
			spf->verdict->term = "+all";
		return result_of(term.qualifier);
	case INCLUDE:
		return judge_include(spf, &term, target);
	case A:
		matches = matches_host(spf, target, &term);
		break;
	case MX:
		matches = matches_mx(spf, target, &term);
		break;
	case IP:
		if (!is_network(&term))
			return break_at(spf, text);
		matches = matches_network(spf, &term);
		break;
	case PTR:
	case EXISTS:
		return SPF_UNKNOWN;
	case REDIRECT:
	case EXPLAIN:
		return SPF_NONE;
	}
	return matches ? result_of(term.qualifier) : SPF_NONE;
}

/* The target of redirect=, or NULL. */
static const char *
find_redirect(struct spf *spf, struct span record)
{
	struct span word;
	while (span_word(&record, &word))
		if (span_starts_nocase(word, SPAN("redirect=")))
			return arena_copy_string(spf->facts->arena,
				span_skip(word, 9));
	return NULL;
}

static enum spf_result
judge_record(struct spf *spf, struct span record, const char *domain)
{
	struct span rest = span_skip(record, 6), word;
	enum spf_result decided = SPF_NONE;
	while (span_word(&rest, &word)) {
		enum spf_result result = judge_term(spf, word, domain);
		if (result == SPF_BROKEN)
			return result;
		if (decided == SPF_NONE)
			decided = result;
	}
	if (decided != SPF_NONE)
		return decided;
	const char *redirect = find_redirect(spf, record);
	return redirect == NULL ? SPF_NEUTRAL : check_host(spf, redirect);
}

static bool
is_record(const char *text)
{
	struct span record = span_from(text);
	return span_starts_nocase(record, SPAN("v=spf1")) &&
		(record.size == 6 || record.data[6] == ' ');
}

static enum spf_result
check_host(struct spf *spf, const char *domain)
{
	const char *record = NULL;
	unsigned count = 0;
	const struct doctor_answer *txt = doctor_answer_best(spf->facts,
		domain, DNS_TYPE_TXT);
	spf->is_pending |= txt->outcome < DOCTOR_NO_NAME;
	if (txt->outcome < DOCTOR_NO_NAME || spf->depth == SPF_DEPTH)
		return SPF_UNKNOWN;
	for (size_t i = 0; i < txt->count; i++)
		if (is_record(txt->text[i])) {
			record = txt->text[i];
			count++;
		}
	if (spf->depth == 0)
		spf->verdict->records = count;
	if (count != 1)
		return count == 0 ? SPF_NONE : SPF_MANY;
	spf->depth++;
	enum spf_result result = judge_record(spf, span_from(record), domain);
	spf->depth--;
	return result;
}

void
spf_judge(struct doctor_facts *facts, const char *domain,
	const struct network_address *address, struct spf_verdict *verdict)
{
	struct spf spf = { .facts = facts, .address = address,
		.verdict = verdict };
	*verdict = (struct spf_verdict){ 0 };
	verdict->result = check_host(&spf, domain);
	if (spf.is_pending && verdict->result != SPF_BROKEN &&
	    verdict->result != SPF_MANY)
		verdict->result = SPF_UNKNOWN;
}
