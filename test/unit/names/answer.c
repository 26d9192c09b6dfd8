/* What zones say: one named case for each rule. The zone is text, a question
 * is "NAME TYPE", the answer is "RCODE FLAGS" and the records in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/answer.h"
#include "names/zone_source.h"

static const char zone_a[] =
	"$TTL 1h\n"
	"@ SOA ns.a.test. root.a.test. 7 1d 1h 1w 5m\n"
	"@ NS ns\n@ NS ns.elsewhere.test.\n@ MX 10 mail\n@ TXT \"hello\"\n"
	"ns A 192.0.2.1\n"
	"mail A 192.0.2.2\nmail AAAA 2001:db8::2\n"
	"alias CNAME mail\nalias2 CNAME ALIAS\nout CNAME www.example.org.\n"
	"nowhere CNAME missing\nloop1 CNAME loop2\nloop2 CNAME loop1\n"
	"over CNAME www.b.test.\ninto CNAME x.cut\n"
	"deep.er.name A 192.0.2.3\n"
	"*.wild A 192.0.2.4\nthere.wild TXT \"here\"\n*.wildc CNAME mail\n"
	"sub.is.wild TXT \"x\"\n"
	"old DNAME new\nx.new A 192.0.2.5\nkept.old A 192.0.2.6\n"
	"cut NS ns.cut\ncut NS ns.other.a.test.\ncut NS far.example.org.\n"
	"cut DS 1 13 2 " "0123456789012345678901234567890123456789012345678901234567890123\n"
	"ns.cut A 192.0.2.7\nns.other A 192.0.2.8\n*.cut A 192.0.2.99\n"
	"child NS ns.child\nns.child A 192.0.2.9\n"
	"_imap._tcp SRV 0 1 143 mail\n"
	"Case A 192.0.2.10\n"
	"many A 192.0.2.11\nmany A 192.0.2.12\nmany A 192.0.2.11\n"
	"null MX 0 .\n";
static const char zone_child[] =
	"$TTL 1h\n@ SOA ns root 1 1 1 1 1d\n@ NS ns\nns A 192.0.2.9\n";
static const char zone_b[] =
	"$TTL 1h\n@ SOA ns root 1 1 1 1 60\n@ NS ns.a.test.\n"
	"www A 192.0.2.20\n";
static const char zone_broken[] = "@ SOA\n";

static const struct {
	const char *name, *question, *answer;
} cases[] = {
	{ "a name that is there", "mail.a.test A",
		"0 AA an mail.a.test 3600 1 c0000202" },
	{ "case does not count, and that of the question stays",
		"MAIL.a.TEST A", "0 AA an MAIL.a.TEST 3600 1 c0000202" },
	{ "a set without doubles", "many.a.test A",
		"0 AA an many.a.test 3600 1 c000020b "
		"an many.a.test 3600 1 c000020c" },
	{ "hosts that are named come along", "a.test MX",
		"0 AA an a.test 3600 15 000a:mail.a.test "
		"ad mail.a.test 3600 1 c0000202 "
		"ad mail.a.test 3600 28 20010db8000000000000000000000002" },
	{ "and for SRV", "_imap._tcp.a.test SRV",
		"0 AA an _imap._tcp.a.test 3600 33 00000001008f:mail.a.test "
		"ad mail.a.test 3600 1 c0000202 "
		"ad mail.a.test 3600 28 20010db8000000000000000000000002" },
	{ "the null MX", "null.a.test MX", "0 AA an null.a.test 3600 15 0000:" },
	{ "the name servers", "a.test NS",
		"0 AA an a.test 3600 2 :ns.a.test "
		"an a.test 3600 2 :ns.elsewhere.test "
		"ad ns.a.test 3600 1 c0000201" },
	{ "the SOA has its own time", "a.test SOA", "0 AA an a.test 3600 6 -" },
	{ "no record of that type (RFC 2308 2.2)", "mail.a.test TXT",
		"0 AA au a.test 300 6 -" },
	{ "no such name (RFC 2308 2.1)", "missing.a.test A",
		"3 AA au a.test 300 6 -" },
	{ "the SOA's own time when it is shorter than the minimum",
		"x.child.a.test A", "3 AA au child.a.test 3600 6 -" },
	{ "an empty non-terminal is there", "er.name.a.test A",
		"0 AA au a.test 300 6 -" },
	{ "an alias", "alias.a.test A",
		"0 AA an alias.a.test 3600 5 :mail.a.test "
		"an mail.a.test 3600 1 c0000202" },
	{ "itself", "alias.a.test CNAME",
		"0 AA an alias.a.test 3600 5 :mail.a.test" },
	{ "a chain of them", "alias2.a.test AAAA",
		"0 AA an alias2.a.test 3600 5 :ALIAS.a.test "
		"an ALIAS.a.test 3600 5 :mail.a.test "
		"an mail.a.test 3600 28 20010db8000000000000000000000002" },
	{ "in a circle, each once", "loop1.a.test A",
		"0 AA an loop1.a.test 3600 5 :loop2.a.test "
		"an loop2.a.test 3600 5 :loop1.a.test" },
	{ "out of our zones", "out.a.test A",
		"0 AA an out.a.test 3600 5 :www.example.org" },
	{ "into another zone of ours", "over.a.test A",
		"0 AA an over.a.test 3600 5 :www.b.test "
		"an www.b.test 3600 1 c0000214" },
	{ "to nowhere (RFC 6604 3)", "nowhere.a.test A",
		"3 AA an nowhere.a.test 3600 5 :missing.a.test "
		"au a.test 300 6 -" },
	{ "to a type that is not there", "alias.a.test TXT",
		"0 AA an alias.a.test 3600 5 :mail.a.test au a.test 300 6 -" },
	{ "below a cut (RFC 6604 2)", "into.a.test A",
		"0 AA an into.a.test 3600 5 :x.cut.a.test "
		"au cut.a.test 3600 2 :ns.cut.a.test "
		"au cut.a.test 3600 2 :ns.other.a.test "
		"au cut.a.test 3600 2 :far.example.org "
		"ad ns.cut.a.test 3600 1 c0000207 "
		"ad ns.other.a.test 3600 1 c0000208" },
	{ "a wildcard (RFC 4592 3.3)", "foo.wild.a.test A",
		"0 AA an foo.wild.a.test 3600 1 c0000204" },
	{ "for more labels too", "a.b.wild.a.test A",
		"0 AA an a.b.wild.a.test 3600 1 c0000204" },
	{ "without that type", "foo.wild.a.test MX", "0 AA au a.test 300 6 -" },
	{ "not for a name that is there", "there.wild.a.test A",
		"0 AA au a.test 300 6 -" },
	{ "nor below one", "x.there.wild.a.test A", "3 AA au a.test 300 6 -" },
	{ "nor for an empty non-terminal", "is.wild.a.test A",
		"0 AA au a.test 300 6 -" },
	{ "the star itself", "*.wild.a.test A",
		"0 AA an *.wild.a.test 3600 1 c0000204" },
	{ "nor below it", "x.*.wild.a.test A", "3 AA au a.test 300 6 -" },
	{ "a wildcard that is an alias", "foo.wildc.a.test A",
		"0 AA an foo.wildc.a.test 3600 5 :mail.a.test "
		"an mail.a.test 3600 1 c0000202" },
	{ "DNAME (RFC 6672 3.2)", "x.old.a.test A",
		"0 AA an old.a.test 3600 39 :new.a.test "
		"an x.old.a.test 3600 5 :x.new.a.test "
		"an x.new.a.test 3600 1 c0000205" },
	{ "and itself, for who asks for the alias", "x.old.a.test CNAME",
		"0 AA an old.a.test 3600 39 :new.a.test "
		"an x.old.a.test 3600 5 :x.new.a.test" },
	{ "hides what is below", "kept.old.a.test A",
		"3 AA an old.a.test 3600 39 :new.a.test "
		"an kept.old.a.test 3600 5 :kept.new.a.test "
		"au a.test 300 6 -" },
	{ "but not itself", "old.a.test A", "0 AA au a.test 300 6 -" },
	{ "a referral with glue", "www.cut.a.test A",
		"0 - au cut.a.test 3600 2 :ns.cut.a.test "
		"au cut.a.test 3600 2 :ns.other.a.test "
		"au cut.a.test 3600 2 :far.example.org "
		"ad ns.cut.a.test 3600 1 c0000207 "
		"ad ns.other.a.test 3600 1 c0000208" },
	{ "its NS are not ours", "cut.a.test NS",
		"0 - au cut.a.test 3600 2 :ns.cut.a.test "
		"au cut.a.test 3600 2 :ns.other.a.test "
		"au cut.a.test 3600 2 :far.example.org "
		"ad ns.cut.a.test 3600 1 c0000207 "
		"ad ns.other.a.test 3600 1 c0000208" },
	{ "glue is no answer", "ns.cut.a.test A",
		"0 - au cut.a.test 3600 2 :ns.cut.a.test "
		"au cut.a.test 3600 2 :ns.other.a.test "
		"au cut.a.test 3600 2 :far.example.org "
		"ad ns.cut.a.test 3600 1 c0000207 "
		"ad ns.other.a.test 3600 1 c0000208" },
	{ "DS is the parent's (RFC 4035 3.1.4.1)", "cut.a.test DS",
		"0 AA an cut.a.test 3600 43 -" },
	{ "also when the child is ours", "child.a.test DS",
		"0 AA au a.test 300 6 -" },
	{ "DS of a zone whose parent is not ours", "b.test DS",
		"0 AA au b.test 60 6 -" },
	{ "the deepest zone answers", "ns.child.a.test A",
		"0 AA an ns.child.a.test 3600 1 c0000209" },
	{ "its apex too", "child.a.test NS",
		"0 AA an child.a.test 3600 2 :ns.child.a.test "
		"ad ns.child.a.test 3600 1 c0000209" },
	{ "ANY is answered with one set (RFC 8482 4.1)", "mail.a.test ANY",
		"0 AA an mail.a.test 3600 1 c0000202" },
	{ "ANY of nothing", "missing.a.test ANY", "3 AA au a.test 300 6 -" },
	{ "ANY of an alias", "alias.a.test ANY",
		"0 AA an alias.a.test 3600 5 :mail.a.test" },
	{ "not a zone of ours", "example.org A", "not ours" },
	{ "above our zones", "test A", "not ours" },
	{ "a zone that could not be read", "www.broken.test A", "2 -" },
};

static void
ignore(void *context, const struct dns_name *origin, const struct error *error)
{
	unsigned *count = context;
	(void)origin;
	assert_non_null(strstr(error->text, "broken"));
	(*count)++;
}

static struct zones *
make(const char *const files[][2], size_t count, const struct zones *old,
	unsigned *complaints)
{
	struct buffer all;
	buffer_init(&all, 0);
	for (size_t i = 0; i < count; i++) {
		buffer_print(&all, "%s %zu\n", files[i][0],
			strlen(files[i][1]));
		buffer_add_string(&all, files[i][1]);
	}
	struct zones *zones = zone_source_read_files(buffer_span(&all), old, ignore,
		complaints);
	buffer_fini(&all);
	return zones;
}

static const char *const files[][2] = {
	{ "texthash /etc/a.test.zone", zone_a },
	{ "child.a.test /etc/my zones/child", zone_child },
	{ "texthash b.test", zone_b },
	{ "texthash /x/broken.test.zone", zone_broken },
};

static const struct {
	const char *name;
	uint16_t type;
} types[] = {
	{ "A", 1 }, { "NS", 2 }, { "CNAME", 5 }, { "SOA", 6 }, { "MX", 15 },
	{ "TXT", 16 }, { "AAAA", 28 }, { "SRV", 33 }, { "DS", 43 },
	{ "ANY", 255 },
};

static void
read_question(const char *text, struct dns_question *question)
{
	const char *type = strchr(text, ' ');
	question->class = DNS_CLASS_IN;
	question->type = 0;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].name, type + 1) == 0)
			question->type = types[i].type;
	assert_int_not_equal(question->type, 0);
	assert_true(dns_name_from_text(span_of(text, (size_t)(type - text)),
		&question->name));
}

/* Case as it is on the wire. */
static void
add_name(struct buffer *out, const struct dns_name *name)
{
	for (size_t at = 0; name->bytes[at] != 0; at += 1u + name->bytes[at]) {
		if (at > 0)
			buffer_add_byte(out, '.');
		buffer_add(out, span_of(name->bytes + at + 1,
			name->bytes[at]));
	}
}

static void
add_record(struct buffer *out, struct span message,
	const struct dns_record *record)
{
	static const char *const sections[] = { "", "an", "au", "ad" };
	static const struct { uint16_t type; uint8_t skip; } with_name[] = {
		{ 2, 0 }, { 5, 0 }, { 15, 2 }, { 33, 6 }, { 39, 0 } };
	struct dns_name name;
	buffer_print(out, " %s ", sections[record->section]);
	add_name(out, &record->owner);
	buffer_print(out, " %u %u ", record->ttl, record->type);
	for (size_t i = 0; i < sizeof(with_name) / sizeof(with_name[0]); i++)
		if (with_name[i].type == record->type) {
			assert_true(dns_data_name(message, record,
				with_name[i].skip, &name));
			buffer_add_hex(out, span_first(dns_data(message,
				record), with_name[i].skip));
			buffer_add_byte(out, ':');
			add_name(out, &name);
			return;
		}
	if (record->type == DNS_TYPE_SOA || record->type == 43)
		buffer_add_byte(out, '-');
	else
		buffer_add_hex(out, dns_data(message, record));
}

static void
describe(struct span message, struct buffer *out, unsigned rcode)
{
	struct dns_reader reader;
	struct dns_record record;
	assert_true(dns_read(&reader, message));
	buffer_print(out, "%u ", rcode);
	if ((reader.header.flags & DNS_FLAG_TRUNCATED) != 0)
		buffer_add_string(out, "TC ");
	buffer_add_string(out, (reader.header.flags &
		DNS_FLAG_AUTHORITATIVE) != 0 ? "AA" : "-");
	while (dns_read_record(&reader, &record))
		add_record(out, message, &record);
	assert_false(reader.is_malformed);
}

static void
ask(const struct zones *zones, const char *text, size_t limit,
	struct buffer *out)
{
	static uint8_t bytes[DNS_MESSAGE_LIMIT];
	struct dns_question question;
	struct packet packet;
	struct answer answer;
	read_question(text, &question);
	packet_begin(&packet, bytes, limit);
	assert_true(packet_add_question(&packet, &question));
	answer_write(zones, &question, &packet, &answer);
	packet_end(&packet, 1);
	assert_true(packet.size <= limit);
	buffer_clear(out);
	if (answer.kind == ANSWER_NOT_OURS)
		buffer_add_string(out, "not ours");
	else
		describe(span_of(bytes, packet.size), out, answer.rcode);
}

static void
test_answers(void **state)
{
	unsigned complaints = 0;
	struct zones *zones = make(files, 4, NULL, &complaints);
	struct buffer out;
	(void)state;
	assert_int_equal(complaints, 1);
	assert_int_equal(zones_count(zones), 4);
	buffer_init(&out, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask(zones, cases[i].question, DNS_MESSAGE_LIMIT, &out);
		if (strcmp(buffer_string(&out), cases[i].answer) != 0)
			fail_msg("%s:\n found %s\nexpected %s", cases[i].name,
				buffer_string(&out), cases[i].answer);
	}
	buffer_fini(&out);
	zones_free(&zones);
}

/* A CNAME that leads to itself ends. */
static void
test_loop(void **state)
{
	unsigned complaints = 0;
	struct zones *zones = make(files, 1, NULL, &complaints);
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	ask(zones, "loop1.a.test A", DNS_MESSAGE_LIMIT, &out);
	assert_true(span_starts(buffer_span(&out), SPAN("0 AA an loop1")));
	buffer_fini(&out);
	zones_free(&zones);
}

/* What is too long for its room is cut by whole sets, with TC. */
static void
test_truncation(void **state)
{
	unsigned complaints = 0;
	struct buffer zone, out;
	(void)state;
	buffer_init(&zone, 0);
	buffer_init(&out, 0);
	buffer_add_string(&zone, "$TTL 1h\n@ SOA ns root 1 1 1 1 60\n@ NS ns\n"
		"m MX 10 host\n");
	for (unsigned i = 0; i < 40; i++)
		buffer_print(&zone, "big A 10.0.0.%u\nhost A 10.1.0.%u\n"
			"ns.cut A 10.0.1.%u\nns.next A 10.0.2.%u\n", i, i, i,
			i);
	buffer_add_string(&zone, "cut NS ns.cut\nnear NS ns.next\n");
	const char *const one[][2] = { { "a.test f",
		buffer_string(&zone) } };
	struct zones *zones = make(one, 1, NULL, &complaints);
	ask(zones, "big.a.test A", 512, &out);
	assert_string_equal(buffer_string(&out), "0 TC AA");
	ask(zones, "big.a.test A", 1232, &out);
	assert_true(span_starts(buffer_span(&out), SPAN("0 AA an big")));
	ask(zones, "m.a.test MX", 512, &out);
	assert_string_equal(buffer_string(&out),
		"0 AA an m.a.test 3600 15 000a:host.a.test");
	ask(zones, "x.cut.a.test A", 512, &out);
	assert_string_equal(buffer_string(&out),
		"0 TC - au cut.a.test 3600 2 :ns.cut.a.test");
	ask(zones, "x.near.a.test A", 512, &out);
	assert_string_equal(buffer_string(&out),
		"0 - au near.a.test 3600 2 :ns.next.a.test");
	zones_free(&zones);
	buffer_fini(&zone);
	buffer_fini(&out);
}

/* RFC 6672 2.2: what would be too long is said so. */
static void
test_long_dname(void **state)
{
	unsigned complaints = 0;
	struct buffer zone, out;
	char question[300];
	(void)state;
	buffer_init(&zone, 0);
	buffer_init(&out, 0);
	buffer_add_string(&zone, "$TTL 1h\n@ SOA ns root 1 1 1 1 60\n@ NS ns\n"
		"d DNAME ");
	for (unsigned i = 0; i < 60; i++)
		buffer_add_byte(&zone, 'x');
	buffer_add_string(&zone, "\n");
	const char *const one[][2] = { { "a.test f", buffer_string(&zone) } };
	struct zones *zones = make(one, 1, NULL, &complaints);
	snprintf(question, sizeof(question), "%060d.%060d.%060d.%030d.d.a.test"
		" A", 0, 0, 0, 0);
	ask(zones, question, 512, &out);
	assert_true(span_starts(buffer_span(&out), SPAN("6 AA an d.a.test")));
	zones_free(&zones);
	buffer_fini(&zone);
	buffer_fini(&out);
}

/* A zone that is broken now is served as it was. */
static void
test_old_is_kept(void **state)
{
	unsigned complaints = 0;
	const char *const before[][2] = { { "broken.test f", zone_b },
		{ "b.test f", zone_b } };
	const char *const after[][2] = { { "broken.test f/broken", "www A x\n" } };
	struct buffer out;
	(void)state;
	buffer_init(&out, 0);
	struct zones *old = make(before, 2, NULL, &complaints);
	assert_int_equal(complaints, 0);
	struct zones *new = make(after, 1, old, &complaints);
	assert_int_equal(complaints, 1);
	zones_free(&old);
	ask(new, "www.broken.test A", 512, &out);
	assert_string_equal(buffer_string(&out),
		"0 AA an www.broken.test 3600 1 c0000214");
	ask(new, "www.b.test A", 512, &out);
	assert_string_equal(buffer_string(&out), "not ours");
	zones_free(&new);
	buffer_fini(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_truncation),
		cmocka_unit_test(test_long_dname),
		cmocka_unit_test(test_old_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
