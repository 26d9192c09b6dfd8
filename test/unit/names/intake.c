/* Transfers as they come: what is taken, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/intake.h"

#define BYTES(literal) { literal, sizeof(literal) - 1 }
#define HEAD(flags, count) "\0\7" flags "\0\1\0" count "\0\0\0\0" \
	"\1z\0\0\374\0\1"
#define SOA "\300\14\0\6\0\1\0\0\0\1\0\26\0\0" "\0\0\0\5" "0000000000000000"
#define NS "\300\14\0\2\0\1\0\0\0\1\0\5\2ns\300\14"
#define A "\2ns\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\1"
#define FOREIGN "\1y\0\0\1\0\1\0\0\0\1\0\4\300\0\2\1"
#define CHAOS "\300\14\0\20\0\3\0\0\0\1\0\2\1x"
#define CUT_NS "\300\14\0\2\0\1\0\0\0\1\0\5\2nsxxx"

static const struct {
	const char *name;
	struct span message[2];
	enum intake_result result;	/* of the last one */
	size_t count;			/* records taken */
} cases[] = {
	{ "in one message", { BYTES(HEAD("\204\0", "\4") SOA NS A SOA) },
		INTAKE_WHOLE, 3 },
	{ "in two", { BYTES(HEAD("\204\0", "\2") SOA NS),
		BYTES(HEAD("\204\0", "\2") A SOA) }, INTAKE_WHOLE, 3 },
	{ "not at its end", { BYTES(HEAD("\204\0", "\2") SOA NS) },
		INTAKE_MORE, 2 },
	{ "what stands behind the end is not read", {
		BYTES(HEAD("\204\0", "\5") SOA NS A SOA CUT_NS) },
		INTAKE_WHOLE, 3 },
	{ "of another zone is passed over", {
		BYTES(HEAD("\204\0", "\4") SOA NS FOREIGN SOA) },
		INTAKE_WHOLE, 2 },
	{ "no SOA first", { BYTES(HEAD("\204\0", "\2") NS SOA) },
		INTAKE_WRONG, 0 },
	{ "another class", { BYTES(HEAD("\204\0", "\3") SOA CHAOS SOA) },
		INTAKE_WRONG, 1 },
	{ "a name that ends nowhere", {
		BYTES(HEAD("\204\0", "\2") SOA CUT_NS) }, INTAKE_WRONG, 1 },
	{ "fewer records than said", { BYTES(HEAD("\204\0", "\4") SOA NS) },
		INTAKE_WRONG, 2 },
	{ "none", { BYTES(HEAD("\204\0", "\0")) }, INTAKE_WRONG, 0 },
	{ "REFUSED", { BYTES(HEAD("\200\5", "\0")) }, INTAKE_WRONG, 0 },
	{ "a question", { BYTES(HEAD("\0\0", "\4") SOA NS A SOA) },
		INTAKE_WRONG, 0 },
	{ "of another number", { BYTES("\0\10\204\0\0\1\0\2\0\0\0\0\1z\0\0\374"
		"\0\1" SOA SOA) }, INTAKE_WRONG, 0 },
	{ "half a header", { BYTES("\0\7\204") }, INTAKE_WRONG, 0 },
};

static void
test_transfers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena arena;
		struct intake intake;
		struct dns_name origin;
		enum intake_result result = INTAKE_MORE;
		arena_init(&arena, 0);
		assert_true(dns_name_from_text(SPAN("Z"), &origin));
		intake_begin(&intake, &arena, &origin, 7);
		for (size_t j = 0; j < 2 && result == INTAKE_MORE &&
		    cases[i].message[j].size > 0; j++)
			result = intake_take(&intake, cases[i].message[j]);
		if (result != cases[i].result ||
		    intake.text.count != cases[i].count ||
		    (result == INTAKE_WRONG) != (intake.wrong != NULL))
			fail_msg("%s: %d %zu %s", cases[i].name, result,
				intake.text.count, intake.wrong == NULL ? "" :
				intake.wrong);
		/* names are whole */
		if (intake.text.count > 1)
			assert_memory_equal(intake.text.records[1].data,
				"\2ns\1z\0", 6);
		arena_fini(&arena);
	}
}

static void
test_serials(void **state)
{
	static const struct {
		const char *name;
		struct span message;
		bool is_there;
	} answers[] = {
		{ "a SOA", BYTES(HEAD("\204\0", "\1") SOA), true },
		{ "without AA", BYTES(HEAD("\200\0", "\1") SOA), false },
		{ "a refusal", BYTES(HEAD("\204\5", "\1") SOA), false },
		{ "nothing", BYTES(HEAD("\204\0", "\0")), false },
		{ "another record", BYTES(HEAD("\204\0", "\1") NS), false },
	};
	struct dns_name origin;
	(void)state;
	assert_true(dns_name_from_text(SPAN("z"), &origin));
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		uint32_t serial = 0;
		bool found = intake_read_serial(answers[i].message, &origin, 7,
			&serial);
		if (found != answers[i].is_there || (found && serial != 5))
			fail_msg("%s: %d %u", answers[i].name, found, serial);
		assert_false(intake_read_serial(answers[i].message, &origin,
			8, &serial));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_serials),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
