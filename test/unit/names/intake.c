/* Transfers as they come: what is taken, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/intake.h"
#include "names/zone.h"

#define BYTES(literal) { literal, sizeof(literal) - 1 }
#define HEAD(flags, count) "\0\7" flags "\0\1\0" count "\0\0\0\0" \
	"\1z\0\0\374\0\1"
#define SOA_OF(serial) "\300\14\0\6\0\1\0\0\0\1\0\26\0\0" "\0\0\0" serial \
	"0000000000000000"
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
	{ "another SOA at its end", {
		BYTES(HEAD("\204\0", "\4") SOA NS A SOA_OF("\6")) },
		INTAKE_WRONG, 3 },
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
		intake_begin(&intake, &arena, &origin, 7, NULL);
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

/* ---- differences (RFC 1995 4) ---- */

#define S5 SOA_OF("\5")
#define S6 SOA_OF("\6")
#define S7 SOA_OF("\7")
#define S8 SOA_OF("\10")
#define B "\1b\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\2"
#define B_LATER "\1b\300\14\0\1\0\1\0\0\0\2\0\4\300\0\2\2"
#define B2 "\1b\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\3"
#define C "\1c\300\14\0\1\0\1\0\0\0\1\0\4\300\0\2\4"
#define MX "\300\14\0\17\0\1\0\0\0\1\0\7\0\12\2Mx\300\14"
#define MX_SMALL "\300\14\0\17\0\1\0\0\0\1\0\7\0\12\2mx\300\14"
#define OTHER_MX "\300\14\0\17\0\1\0\0\0\1\0\7\0\13\2mx\300\14"
#define LOWER_SOA "\1b\300\14\0\6\0\1\0\0\0\1\0\26\0\0" "\0\0\0\7" \
	"0000000000000000"
#define TYPE_ANY "\1b\300\14\0\377\0\1\0\0\0\1\0\0"

/* We have 5: NS, MX, ns A, b A. */
static const char ours[] = HEAD("\204\0", "\6") S5 NS MX A B S5;

static const struct {
	const char *name;
	struct span message[2];
	enum intake_result result;
	bool is_change;
	const char *zone;		/* serial, then owner, type, count */
} differences[] = {
	{ "one", { BYTES(HEAD("\204\0", "\6") S6 S5 B S6 C S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 c:1x1 ns:1x1" },
	{ "two", { BYTES(HEAD("\204\0", "\12") S7 S5 B S6 C S6 C S7 B S7) },
		INTAKE_WHOLE, true, "7 z:2x1 z:15x1 b:1x1 ns:1x1" },
	{ "in two messages", { BYTES(HEAD("\204\0", "\1") S6),
		BYTES(HEAD("\204\0", "\4") S5 S6 C S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 c:1x1 ns:1x1" },
	{ "numbers may be left out", {
		BYTES(HEAD("\204\0", "\5") S8 S5 S8 C S8) },
		INTAKE_WHOLE, true, "8 z:2x1 z:15x1 b:1x1 c:1x1 ns:1x1" },
	{ "nothing but the serial", { BYTES(HEAD("\204\0", "\4") S6 S5 S6 S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 ns:1x1" },
	{ "one of a set", { BYTES(HEAD("\204\0", "\5") S6 S5 S6 B2 S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x2 ns:1x1" },
	{ "time to live", { BYTES(HEAD("\204\0", "\6") S6 S5 B S6 B_LATER
		S6) }, INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 ns:1x1" },
	{ "case in names of the data does not count", {
		BYTES(HEAD("\204\0", "\6") S6 S5 MX_SMALL S6 OTHER_MX S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 ns:1x1" },
	{ "what is out of the zone is passed over", {
		BYTES(HEAD("\204\0", "\7") S6 S5 FOREIGN S6 FOREIGN C S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 c:1x1 ns:1x1" },
	{ "what is no record is passed over", {
		BYTES(HEAD("\204\0", "\6") S6 S5 S6 TYPE_ANY C S6) },
		INTAKE_WHOLE, true, "6 z:2x1 z:15x1 b:1x1 c:1x1 ns:1x1" },
	{ "the whole zone", { BYTES(HEAD("\204\0", "\5") S6 NS A C S6) },
		INTAKE_WHOLE, false, "6 z:2x1 c:1x1 ns:1x1" },
	{ "the whole zone in two messages", {
		BYTES(HEAD("\204\0", "\1") S6),
		BYTES(HEAD("\204\0", "\4") NS A C S6) },
		INTAKE_WHOLE, false, "6 z:2x1 c:1x1 ns:1x1" },
	{ "up to date", { BYTES(HEAD("\204\0", "\1") S5) }, INTAKE_SAME,
		false, "" },
	{ "an older one", { BYTES(HEAD("\204\0", "\2") SOA_OF("\4")
		SOA_OF("\4")) }, INTAKE_WRONG, false, "" },
	{ "an older one whole", { BYTES(HEAD("\204\0", "\4") SOA_OF("\4") NS A
		SOA_OF("\4")) }, INTAKE_WRONG, false, "" },
	{ "NOTIMP", { BYTES(HEAD("\200\4", "\0")) }, INTAKE_WRONG, false,
		"" },
	{ "removes what is not there", {
		BYTES(HEAD("\204\0", "\5") S6 S5 C S6 S6) }, INTAKE_WRONG,
		true, "" },
	{ "removes it twice", {
		BYTES(HEAD("\204\0", "\6") S6 S5 B B S6 S6) }, INTAKE_WRONG,
		true, "" },
	{ "adds what is there", {
		BYTES(HEAD("\204\0", "\5") S6 S5 S6 B S6) }, INTAKE_WRONG,
		true, "" },
	{ "adds it twice", {
		BYTES(HEAD("\204\0", "\6") S6 S5 S6 C C S6) }, INTAKE_WRONG,
		true, "" },
	{ "from a serial that we do not have", {
		BYTES(HEAD("\204\0", "\5") S7 S6 B S7 S7) }, INTAKE_WRONG,
		false, "" },
	{ "to an older serial", {
		BYTES(HEAD("\204\0", "\5") S6 S5 B SOA_OF("\4")
		SOA_OF("\4")) }, INTAKE_WRONG, true, "" },
	{ "to the same serial", {
		BYTES(HEAD("\204\0", "\4") S6 S5 S5 S5) }, INTAKE_WRONG,
		true, "" },
	{ "beyond the last serial", {
		BYTES(HEAD("\204\0", "\5") S6 S5 B S7 S7) }, INTAKE_WRONG,
		true, "" },
	{ "that do not join", {
		BYTES(HEAD("\204\0", "\6") S8 S5 B S6 S7 S8) }, INTAKE_WRONG,
		true, "" },
	{ "not at their end", {
		BYTES(HEAD("\204\0", "\5") S7 S5 B S6 S6) }, INTAKE_MORE,
		true, "" },
	{ "a SOA below", { BYTES(HEAD("\204\0", "\5") S6 S5 S6 LOWER_SOA S6)
		}, INTAKE_WHOLE, true, "" },
	{ "nothing left of the zone", {
		BYTES(HEAD("\204\0", "\5") S6 S5 NS S6 S6) }, INTAKE_WHOLE,
		true, "" },
};

static struct zone *
make_ours(const struct dns_name *origin)
{
	struct arena arena;
	struct intake intake;
	struct zone *zone;
	struct error error;
	arena_init(&arena, 0);
	intake_begin(&intake, &arena, origin, 7, NULL);
	assert_int_equal(intake_take(&intake, span_of(ours,
		sizeof(ours) - 1)), INTAKE_WHOLE);
	assert_int_equal(zone_new(&intake.text, &zone, &error), 0);
	intake_end(&intake);
	arena_fini(&arena);
	return zone;
}

/* "" when there is no zone in it. */
static void
describe(struct intake *intake, struct buffer *out)
{
	struct zone *zone = NULL;
	struct error error;
	if (zone_new(&intake->text, &zone, &error) < 0)
		return;
	buffer_print(out, "%u", zone->serial);
	for (size_t i = 0; i < zone->node_count; i++)
		for (unsigned j = 0; j < zone->nodes[i]->set_count; j++) {
			const struct zone_node *node = zone->nodes[i];
			if (&node->sets[j] == zone->soa)
				continue;
			buffer_print(out, " %.*s:%ux%u", node->name[0],
				(const char *)node->name + 1,
				node->sets[j].type, node->sets[j].count);
		}
	zone_free(&zone);
}

static void
test_differences(void **state)
{
	struct dns_name origin;
	(void)state;
	assert_true(dns_name_from_text(SPAN("z"), &origin));
	struct zone *has = make_ours(&origin);
	for (size_t i = 0; i < sizeof(differences) / sizeof(differences[0]);
	    i++) {
		struct arena arena;
		struct intake intake;
		struct buffer found;
		enum intake_result result = INTAKE_MORE;
		arena_init(&arena, 0);
		buffer_init(&found, 0);
		intake_begin(&intake, &arena, &origin, 7, has);
		for (size_t j = 0; j < 2 && result == INTAKE_MORE &&
		    differences[i].message[j].size > 0; j++)
			result = intake_take(&intake,
				differences[i].message[j]);
		bool is_change = intake.is_change;
		if (result == INTAKE_WHOLE)
			describe(&intake, &found);
		if (result != differences[i].result ||
		    is_change != differences[i].is_change ||
		    strcmp(buffer_string(&found), differences[i].zone) != 0)
			fail_msg("%s: %d %d \"%s\" %s", differences[i].name,
				result, is_change, buffer_string(&found),
				intake.wrong == NULL ? "" : intake.wrong);
		intake_end(&intake);
		buffer_fini(&found);
		arena_fini(&arena);
	}
	zone_free(&has);
}

/* What a hostile primary may send without end. */
static void
test_limits(void **state)
{
	struct dns_name origin;
	struct arena arena;
	struct intake intake;
	enum intake_result result = INTAKE_MORE;
	struct buffer message;
	(void)state;
	assert_true(dns_name_from_text(SPAN("z"), &origin));
	arena_init(&arena, 0);
	buffer_init(&message, 0);
	buffer_add(&message, (struct span)BYTES(HEAD("\204\0", "\0")));
	message.data[6] = 10;			/* 2,560 records */
	for (unsigned i = 0; i < 2560; i++)
		buffer_add(&message, (struct span)BYTES(FOREIGN));
	struct zone *has = make_ours(&origin);
	intake_begin(&intake, &arena, &origin, 7, has);
	result = intake_take(&intake, (struct span)BYTES(HEAD("\204\0",
		"\3") S6 S5 S6));
	while (result == INTAKE_MORE)
		result = intake_take(&intake, buffer_span(&message));
	assert_int_equal(result, INTAKE_WRONG);
	assert_string_equal(intake.wrong, "too many records");
	assert_true(arena.used < 1 << 20);
	intake_end(&intake);
	intake_begin(&intake, &arena, &origin, 7, has);
	/* the same, with octets that are no records' */
	buffer_clear(&message);
	buffer_add(&message, (struct span)BYTES(HEAD("\204\0", "\1") FOREIGN));
	while (message.size < DNS_MESSAGE_LIMIT)
		buffer_add_byte(&message, 0);
	result = intake_take(&intake, (struct span)BYTES(HEAD("\204\0",
		"\1") S6));
	while (result == INTAKE_MORE)
		result = intake_take(&intake, buffer_span(&message));
	assert_string_equal(intake.wrong, "too much");
	intake_end(&intake);
	zone_free(&has);
	buffer_fini(&message);
	arena_fini(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfers),
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
