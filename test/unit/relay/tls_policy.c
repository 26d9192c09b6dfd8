/*
 * Every case of the policy matrix: level, REQUIRETLS, DANE, MTA-STS, and how
 * the host was found. doc/relay.md has the same as a table for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "relay/tls_policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What is decided, in one word. */
static const char *
word_of(const struct tls_demand *demand)
{
	static const char *const verify[] = { "encrypt", "name", "dane" };
	switch (demand->wish) {
	case TLS_NEVER:
		return "never";
	case TLS_TRY:
		return "try";
	case TLS_MUST:
		return demand->by_next_hop ? "next-hop" :
			verify[demand->verify];
	case TLS_NOT_THIS_HOST:
		return demand->is_final ? "final" : "later";
	}
	return "?";
}

/* DANE: not, encrypt, verify, later; each without MTA-STS, testing, enforce
 * with the host, enforce with another. */
static const struct {
	const char *level;
	const char *words[4][4];
} matrix[] = {
	{ "none", {
		{ "never", "never", "never", "never" },
		{ "never", "never", "never", "never" },
		{ "never", "never", "never", "never" },
		{ "never", "never", "never", "never" } } },
	{ "may", {
		{ "try", "try", "try", "try" },
		{ "try", "try", "try", "try" },
		{ "try", "try", "try", "try" },
		{ "try", "try", "try", "try" } } },
	{ "encrypt", {
		{ "encrypt", "encrypt", "encrypt", "encrypt" },
		{ "encrypt", "encrypt", "encrypt", "encrypt" },
		{ "encrypt", "encrypt", "encrypt", "encrypt" },
		{ "encrypt", "encrypt", "encrypt", "encrypt" } } },
	{ "dane", {
		{ "try", "try", "name", "later" },
		{ "encrypt", "encrypt", "name", "later" },
		{ "dane", "dane", "dane", "dane" },
		{ "later", "later", "later", "later" } } },
	{ "dane-only", {
		{ "later", "later", "later", "later" },
		{ "later", "later", "later", "later" },
		{ "dane", "dane", "dane", "dane" },
		{ "later", "later", "later", "later" } } },
	{ "verify", {
		{ "name", "name", "name", "name" },
		{ "name", "name", "name", "name" },
		{ "name", "name", "name", "name" },
		{ "name", "name", "name", "name" } } },
	{ "secure", {
		{ "next-hop", "next-hop", "next-hop", "next-hop" },
		{ "next-hop", "next-hop", "next-hop", "next-hop" },
		{ "next-hop", "next-hop", "next-hop", "next-hop" },
		{ "next-hop", "next-hop", "next-hop", "next-hop" } } },
};

static const enum dane_verdict danes[] = { DANE_NOT, DANE_ENCRYPT, DANE_VERIFY,
	DANE_LATER };

static struct tls_policy_facts
facts_of(size_t level, size_t dane, size_t sts)
{
	struct tls_policy_facts facts = { .dane = danes[dane],
		.sts = sts == 0 ? TLS_STS_NOT : sts == 1 ? TLS_STS_TESTING :
		TLS_STS_ENFORCE, .is_sts_host = sts == 2, .is_mx = true };
	assert_true(tls_level_parse(span_from(matrix[level].level),
		&facts.level));
	return facts;
}

static void
every_level_with_every_publication(void **state)
{
	(void)state;
	for (size_t level = 0; level < COUNT(matrix); level++)
		for (size_t i = 0; i < 16; i++) {
			struct tls_policy_facts facts = facts_of(level, i / 4,
				i % 4);
			struct tls_demand demand = tls_policy_decide(&facts);
			const char *want = matrix[level].words[i / 4][i % 4];
			assert_non_null(demand.reason);
			if (span_equals(span_from(want),
				span_from(word_of(&demand))))
				continue;
			fail_msg("%s, dane %zu, sts %zu: %s, not %s",
				matrix[level].level, i / 4, i % 4,
				word_of(&demand), want);
		}
}

/* What REQUIRETLS makes of each decision, when the MX record is validated, and
 * when nobody vouches for it. */
static void
requiretls_makes_every_decision_stricter(void **state)
{
	static const struct {
		const char *plain, *with_secure_mx, *with_insecure_mx;
	} rows[] = {
		{ "never", "final", "final" },
		{ "try", "name", "final" },
		{ "encrypt", "name", "final" },
		{ "name", "name", "final" },
		{ "dane", "dane", "final" },
		{ "next-hop", "next-hop", "next-hop" },
		{ "later", "later", "later" },
	};
	(void)state;
	for (size_t at = 0; at < COUNT(matrix) * 16 * 2; at++) {
		size_t level = at / 32, dane = at / 8 % 4, sts = at / 2 % 4;
		struct tls_policy_facts facts = facts_of(level, dane, sts);
		struct tls_demand plain = tls_policy_decide(&facts);
		facts.needs_tls = true;
		facts.is_mx_secure = at % 2 == 0;
		struct tls_demand with = tls_policy_decide(&facts);
		const char *want = NULL;
		for (size_t i = 0; i < COUNT(rows); i++)
			if (span_equals(span_from(rows[i].plain),
				span_from(word_of(&plain))))
				want = facts.is_mx_secure ||
					facts.sts == TLS_STS_ENFORCE ?
					rows[i].with_secure_mx :
					rows[i].with_insecure_mx;
		assert_non_null(want);
		assert_string_equal(word_of(&with), want);
		/* A host that the administrator named needs nobody's word. */
		facts.is_mx = facts.is_mx_secure = false;
		with = tls_policy_decide(&facts);
		if (plain.wish != TLS_NEVER && plain.wish != TLS_NOT_THIS_HOST)
			assert_true(with.wish == TLS_MUST &&
				with.verify != TLS_VERIFY_NONE);
	}
}

/* What we could not ask for is not taken for "there is none". */
static void
doubt_about_a_policy_is_later(void **state)
{
	(void)state;
	for (size_t level = 0; level < COUNT(matrix); level++)
		for (size_t dane = 0; dane < 4; dane++) {
			struct tls_policy_facts facts = facts_of(level, dane,
				0);
			facts.sts = TLS_STS_UNKNOWN;
			struct tls_demand demand = tls_policy_decide(&facts);
			bool counts = facts.level == TLS_LEVEL_DANE &&
				(facts.dane == DANE_NOT ||
				facts.dane == DANE_ENCRYPT);
			assert_string_equal(word_of(&demand), counts ? "later" :
				matrix[level].words[dane][0]);
		}
}

static void
only_known_words_are_levels(void **state)
{
	enum tls_level level;
	(void)state;
	assert_true(tls_level_parse(SPAN("DANE-only"), &level));
	assert_int_equal(level, TLS_LEVEL_DANE_ONLY);
	assert_false(tls_level_parse(SPAN("fingerprint"), &level));
	assert_false(tls_level_parse(SPAN(""), &level));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_level_with_every_publication),
		cmocka_unit_test(requiretls_makes_every_decision_stricter),
		cmocka_unit_test(doubt_about_a_policy_is_later),
		cmocka_unit_test(only_known_words_are_levels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
