/* MTA-STS policies are fetched when they must be, kept as long as they say, and
 * over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "relay/sts.h"

enum { DAY = 86400000 };
#define NOW ((int64_t)1800000000000)

static const char *record;	/* the TXT record; NULL: the DNS is silent */
static const char *policy;	/* NULL: nobody answers */
static bool is_away;		/* fetch itself is */
static bool is_signed;		/* the domain is */
static unsigned fetches;

static void
ask(void *context, struct arena *arena,
	const struct names_question *questions, size_t count)
{
	struct names_answer *answer = questions[0].answer;
	(void)context;
	assert_int_equal(count, 1);
	assert_int_equal(questions[0].type, NAMES_TXT);
	assert_true(span_equals(questions[0].name,
		SPAN("_mta-sts.d.example")));
	*answer = (struct names_answer){ .verdict = NAMES_LATER };
	if (record == NULL)
		return;
	answer->verdict = NAMES_FOUND;
	answer->count = 1;
	answer->record = arena_new(arena, sizeof(*answer->record));
	answer->record[0].txt = span_from(record);
}

static int
fetch(struct fetcher *fetcher, const struct fetch_request *request,
	struct arena *arena, struct fetch_answer *answer, struct error *error)
{
	(void)fetcher;
	(void)arena;
	fetches++;
	if (is_away)
		return error_set(error, ERROR_LATER, "fetch is away");
	assert_true(span_equals(request->url,
		SPAN("https://mta-sts.d.example/.well-known/mta-sts.txt")));
	*answer = (struct fetch_answer){ .problem = policy == NULL ?
		FETCH_CONNECT : FETCH_DONE, .status = 200,
		.type = SPAN("text/plain; charset=utf-8"),
		.body = span_from(policy), .reason = SPAN("no answer") };
	return 0;
}

static enum tls_sts
find(struct sts *sts, int64_t now)
{
	const struct next_hop_world names = { .ask = ask };
	const struct sts_world world = { .names = &names, .fetch = fetch,
		.is_signed = is_signed, .now = now };
	struct mta_sts_policy found;
	struct arena arena;
	arena_init(&arena, 0);
	enum tls_sts mode = sts_find(sts, SPAN("d.example"), &world, &arena,
		&found);
	if (mode == TLS_STS_TESTING || mode == TLS_STS_ENFORCE)
		assert_true(mta_sts_matches(&found, SPAN("mx.d.example")));
	arena_fini(&arena);
	return mode;
}

static void
a_policy_is_kept_as_long_as_it_says(void **state)
{
	static const char enforce[] = "version: STSv1\nmode: enforce\n"
		"mx: mx.d.example\nmax_age: 864000\n";
	struct error error;
	int fds[2] = { file_open_memory("1", SPAN("damaged\n\n"), &error),
		file_open_memory("2", SPAN(""), &error) };
	int again[2] = { dup(fds[0]), dup(fds[1]) };
	struct pair_file *file = pair_file_new(fds, "mta-sts");
	struct sts *sts = sts_new(&file, NOW);
	(void)state;
	fetches = 0;
	record = "v=STSv1; id=1;";
	policy = enforce;
	assert_int_equal(find(sts, NOW), TLS_STS_ENFORCE);
	assert_int_equal(find(sts, NOW + 1000), TLS_STS_ENFORCE);
	assert_int_equal(fetches, 1);
	/* A new id: fetched anew, and when that fails the old one holds; not
	 * tried again at once. */
	record = "v=STSv1; id=2;";
	policy = NULL;
	assert_int_equal(find(sts, NOW + 2000), TLS_STS_ENFORCE);
	assert_int_equal(find(sts, NOW + 3000), TLS_STS_ENFORCE);
	assert_int_equal(fetches, 2);
	assert_int_equal(find(sts, NOW + 2000 + STS_RETRY), TLS_STS_ENFORCE);
	assert_int_equal(fetches, 3);
	sts_free(&sts);
	/* After a restart, with the DNS silent and nobody answering. */
	record = NULL;
	file = pair_file_new(again, "mta-sts");
	sts = sts_new(&file, NOW + 5 * (int64_t)DAY);
	assert_int_equal(find(sts, NOW + 5 * (int64_t)DAY), TLS_STS_ENFORCE);
	assert_int_equal(find(sts, NOW + 11 * (int64_t)DAY), TLS_STS_NOT);
	sts_free(&sts);
}

static void
without_a_record_nothing_is_fetched(void **state)
{
	struct sts *sts = sts_new(&(struct pair_file *){ NULL }, NOW);
	(void)state;
	fetches = 0;
	record = "v=spf1 -all";
	policy = "version: STSv1\nmode: enforce\nmx: a\nmax_age: 1\n";
	assert_int_equal(find(sts, NOW), TLS_STS_NOT);
	record = NULL;
	assert_int_equal(find(sts, NOW), TLS_STS_NOT);
	assert_int_equal(fetches, 0);
	sts_free(&sts);
}

/* Mail waits until fetch is there again, rather than go out unprotected. */
static void
our_own_fault_is_no_answer(void **state)
{
	struct sts *sts = sts_new(&(struct pair_file *){ NULL }, NOW);
	(void)state;
	record = "v=STSv1; id=1;";
	policy = "version: STSv1\nmode: enforce\nmx: mx.d.example\n"
		"max_age: 864000\n";
	is_away = true;
	assert_int_equal(find(sts, NOW), TLS_STS_UNKNOWN);
	assert_int_equal(find(sts, NOW + 1), TLS_STS_UNKNOWN);
	is_away = false;
	assert_int_equal(find(sts, NOW + 2), TLS_STS_ENFORCE);
	/* a policy that is known goes on to count */
	is_away = true;
	record = "v=STSv1; id=2;";
	assert_int_equal(find(sts, NOW + 3), TLS_STS_ENFORCE);
	is_away = false;
	sts_free(&sts);
}

/* Who can make the DNS fail must not be able to take the policy away. */
static void
a_signed_domain_that_is_silent_waits(void **state)
{
	struct sts *sts = sts_new(&(struct pair_file *){ NULL }, NOW);
	(void)state;
	record = NULL;
	is_signed = true;
	assert_int_equal(find(sts, NOW), TLS_STS_UNKNOWN);
	record = "v=STSv1; id=1;";
	policy = "version: STSv1\nmode: enforce\nmx: mx.d.example\n"
		"max_age: 864000\n";
	assert_int_equal(find(sts, NOW + 1), TLS_STS_ENFORCE);
	/* a policy that is known goes on to count */
	record = NULL;
	assert_int_equal(find(sts, NOW + 2), TLS_STS_ENFORCE);
	is_signed = false;
	sts_free(&sts);
}

static void
a_policy_that_is_none_is_none(void **state)
{
	static const char *const policies[] = { "", "<html>",
		"version: STSv2\nmode: enforce\nmx: mx.d.example\nmax_age: 9\n",
		"version: STSv1\nmode: enforce\nmax_age: 9\n",
		"version: STSv1\nmode: none\nmax_age: 900\n" };
	(void)state;
	record = "v=STSv1; id=1;";
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		struct sts *sts = sts_new(&(struct pair_file *){ NULL }, NOW);
		fetches = 0;
		policy = policies[i];
		assert_int_equal(find(sts, NOW), TLS_STS_NOT);
		assert_int_equal(find(sts, NOW + 1), TLS_STS_NOT);
		assert_int_equal(fetches, 1);
		sts_free(&sts);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_is_kept_as_long_as_it_says),
		cmocka_unit_test(without_a_record_nothing_is_fetched),
		cmocka_unit_test(our_own_fault_is_no_answer),
		cmocka_unit_test(a_signed_domain_that_is_silent_waits),
		cmocka_unit_test(a_policy_that_is_none_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
