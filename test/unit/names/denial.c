/* What signed zones prove: hashes and answers of the RFCs' appendices. The
 * signatures of the zones are made up; who answers does not look at them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/answer.h"
#include "names/denial.h"
#include "names/zone_source.h"

#define SIG(type) " RRSIG " type " 13 2 3600 20300101000000 20200101000000 1 " \
	"example. AAAA\n"
#define NSEC3(hash, next, types) hash " NSEC3 1 1 12 aabbccdd " next " " types \
	"\n" hash SIG("NSEC3")
#define H_EXAMPLE "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"
#define H_NS1 "2t7b4g4vsa5smi47k61mv5bv1a22bojr"
#define H_X_Y_W "2vptu5timamqttgl4luu9kg21e0aor3s"
#define H_A "35mthgpgcu1qg68fab165klnsnk3dpvl"
#define H_X_W "b4um86eghhds6nea196smvmlo4ors995"
#define H_AI "gjeqe526plbf1g8mklp59enfd789njgi"
#define H_Y_W "ji6neoaepv8b5o6k4ev33abha8ht9fgc"
#define H_W "k8udemvp1j2f7eg6jebps17vp3n8i58h"
#define H_HASH "kohar7mbb8dc2ce8a9qvl8hon4k53uhi"
#define H_NS2 "q04jkcevqvmu85r014c7dkba38o0ji5r"
#define H_WILD "r53bq7cc2uvmubfu5ocmm6pers9tk9en"
#define H_XX "t644ebqk9bibcna874givr6joj62mlhv"
#define DS "58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C\n"

/* RFC 5155 appendix A, RFC 4035 appendix A: the same names. */
#define NAMES \
	"$TTL 3600\n" \
	"@ SOA ns1 bugs.x.w 1 3600 300 3600000 3600\n@" SIG("SOA") \
	"@ NS ns1\n@ NS ns2\n@" SIG("NS") "@ MX 1 xx\n@" SIG("MX") \
	"a NS ns1.a\na DS " DS "a" SIG("DS") "ns1.a A 192.0.2.5\n" \
	"ai A 192.0.2.9\nai" SIG("A") \
	"ns1 A 192.0.2.1\nns1" SIG("A") "ns2 A 192.0.2.2\nns2" SIG("A") \
	"*.w MX 1 ai\n*.w" SIG("MX") "x.w MX 1 xx\nx.w" SIG("MX") \
	"x.y.w MX 1 xx\nx.y.w" SIG("MX") "xx A 192.0.2.10\nxx" SIG("A") \
	"d DNAME w\nd" SIG("DNAME") "al CNAME x.w\nal" SIG("CNAME")

static const char zone_nsec3[] = NAMES
	"c NS ns1.c\nns1.c A 192.0.2.7\n"
	H_NS1 " A 192.0.2.127\n" H_NS1 SIG("A")
	"@ NSEC3PARAM 1 0 12 aabbccdd\n@" SIG("NSEC3PARAM")
	NSEC3(H_EXAMPLE, H_NS1, "MX DNSKEY NS SOA NSEC3PARAM RRSIG")
	NSEC3(H_NS1, H_X_Y_W, "A RRSIG") NSEC3(H_X_Y_W, H_A, "MX RRSIG")
	NSEC3(H_A, H_X_W, "NS DS RRSIG") NSEC3(H_X_W, H_AI, "MX RRSIG")
	NSEC3(H_AI, H_Y_W, "A HINFO AAAA RRSIG") NSEC3(H_Y_W, H_W, "")
	NSEC3(H_W, H_HASH, "") NSEC3(H_HASH, H_NS2, "A RRSIG")
	NSEC3(H_NS2, H_WILD, "A RRSIG") NSEC3(H_WILD, H_XX, "MX RRSIG")
	NSEC3(H_XX, H_EXAMPLE, "A HINFO AAAA RRSIG");

#define NSEC(name, next, types) name " NSEC " next " " types " NSEC RRSIG\n" \
	name SIG("NSEC")
static const char zone_nsec[] = NAMES
	"b NS ns1.b\nns1.b A 192.0.2.7\n"
	NSEC("@", "a", "NS SOA MX") NSEC("a", "ai", "NS DS")
	NSEC("ai", "b", "A") NSEC("b", "ns1", "NS") NSEC("ns1", "ns2", "A")
	NSEC("ns2", "*.w", "A") NSEC("*.w", "x.w", "MX")
	NSEC("x.w", "x.y.w", "MX") NSEC("x.y.w", "xx", "MX")
	NSEC("xx", "@", "A");

static struct zones *zones;

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context, (void)origin;
	fail_msg("%s", error->text);
}

static void
read_zone(const char *text)
{
	struct buffer file;
	zones_free(&zones);
	buffer_init(&file, 0);
	buffer_print(&file, "example e.zone %zu\n%s", strlen(text), text);
	zones = zone_source_read_files(buffer_span(&file), NULL, complain, NULL);
	buffer_fini(&file);
}

/* "an 15:x.w.example s15:x.w.example": of each record section, type, owner (of
 * NSEC3 four letters); "s" for signatures, with the type that they cover. */
static void
show(struct span message, struct buffer *out)
{
	static const char *const sections[] = { "", "an", "au", "ad" };
	struct dns_reader reader;
	struct dns_record record;
	enum dns_section last = DNS_QUESTION;
	assert_true(dns_read(&reader, message));
	buffer_print(out, "%u", reader.header.flags & DNS_FLAG_RCODE);
	while (dns_read_record(&reader, &record)) {
		char name[DNS_TEXT_SIZE];
		struct span data = dns_data(message, &record);
		unsigned type = record.type;
		dns_name_to_text(&record.owner, name);
		if (record.section != last)
			buffer_print(out, " %s", sections[record.section]);
		last = record.section;
		if (type == DNS_TYPE_RRSIG)
			type = (unsigned)(uint8_t)data.data[0] << 8 |
				(uint8_t)data.data[1];
		buffer_print(out, " %s%u:%.*s",
			record.type == DNS_TYPE_RRSIG ? "s" : "", type,
			type == DNS_TYPE_NSEC3 ? 4 : 64, name);
	}
	assert_false(reader.is_malformed);
}

static void
ask(const char *name, uint16_t type, bool is_dnssec_wanted, size_t limit,
	struct buffer *out)
{
	uint8_t bytes[DNS_MESSAGE_LIMIT];
	struct dns_question asked = { .type = type, .class = DNS_CLASS_IN };
	struct packet packet;
	struct answer answer;
	assert_true(dns_name_from_text(span_from(name), &asked.name));
	packet_begin(&packet, bytes, DNS_MESSAGE_LIMIT);
	packet.limit = limit;
	packet.is_dnssec_wanted = is_dnssec_wanted;
	packet_add_question(&packet, &asked);
	answer_write(zones, &asked, &packet, &answer);
	packet.flags |= (uint16_t)answer.rcode;
	packet_end(&packet, 1);
	show(span_of(bytes, packet.size), out);
	if ((packet.flags & DNS_FLAG_TRUNCATED) != 0)
		buffer_add_string(out, " TC");
}

static const struct {
	const char *name, *question;
	uint16_t type;
	const char *answer;
} nsec3_cases[] = {
	{ "RFC 5155 B.1, no such name", "a.c.x.w.example", 1, "3 au 6:example "
		"s6:example 50:b4um s50:b4um 50:0p9m s50:0p9m 50:35mt "
		"s50:35mt" },
	/* zz is bpach64k..., * is jhsv97ro... */
	{ "no such name below the zone's", "zz.example", 1, "3 au 6:example "
		"s6:example 50:0p9m s50:0p9m 50:b4um s50:b4um 50:gjeq "
		"s50:gjeq" },
	{ "B.2, no data", "ns1.example", 15, "0 au 6:example s6:example "
		"50:2t7b s50:2t7b" },
	{ "B.2.1, an empty non-terminal", "y.w.example", 1, "0 au 6:example "
		"s6:example 50:ji6n s50:ji6n" },
	{ "B.3, a referral to an unsigned zone", "mc.c.example", 15,
		"0 au 2:c.example 50:0p9m s50:0p9m 50:35mt s50:35mt "
		"ad 1:ns1.c.example" },
	{ "a referral to a signed zone", "mc.a.example", 15, "0 au 2:a.example "
		"43:a.example s43:a.example ad 1:ns1.a.example" },
	{ "B.4, a wildcard", "a.z.w.example", 15, "0 an 15:a.z.w.example "
		"s15:a.z.w.example au 50:q04j s50:q04j ad 1:ai.example "
		"s1:ai.example" },
	{ "B.5, a wildcard without that type", "a.z.w.example", 28,
		"0 au 6:example s6:example 50:k8ud s50:k8ud 50:q04j s50:q04j "
		"50:r53b s50:r53b" },
	{ "B.6, DS of the zone itself", "example", 43, "0 au 6:example "
		"s6:example 50:0p9m s50:0p9m" },
	{ "DS that opt-out leaves out", "c.example", 43, "0 au 6:example "
		"s6:example 50:0p9m s50:0p9m 50:35mt s50:35mt" },
	{ "DS that is there", "a.example", 43, "0 an 43:a.example "
		"s43:a.example" },
	{ "7.2.8, the name of a record of the chain is not there",
		H_XX ".example", 1, "3 au 6:example s6:example 50:0p9m "
		"s50:0p9m 50:-" },
	{ "but the one that is a name too is", H_NS1 ".example", 1,
		"0 an 1:" H_NS1 ".example s1:" H_NS1 ".example" },
	{ "an alias", "al.example", 15, "0 an 5:al.example s5:al.example "
		"15:x.w.example s15:x.w.example ad 1:xx.example s1:xx.example" },
	{ "DNAME, whose CNAME has no signature (RFC 6672 5.3.1)",
		"x.d.example", 15, "0 an 39:d.example s39:d.example "
		"5:x.d.example 15:x.w.example s15:x.w.example ad 1:xx.example "
		"s1:xx.example" },
	{ "through DNAME to a wildcard", "q.d.example", 15, "0 an 39:d.example "
		"s39:d.example 5:q.d.example 15:q.w.example s15:q.w.example "
		"au 50:- s50:- ad 1:ai.example s1:ai.example" },
}, nsec_cases[] = {
	{ "RFC 4035 B.2, no such name", "ml.example", 1, "3 au 6:example "
		"s6:example 47:b.example s47:b.example 47:example "
		"s47:example" },
	{ "B.3, no data", "ns1.example", 15, "0 au 6:example s6:example "
		"47:ns1.example s47:ns1.example" },
	{ "B.4, a referral to a signed zone", "mc.a.example", 15, "0 au "
		"2:a.example 43:a.example s43:a.example ad 1:ns1.a.example" },
	{ "B.5, to an unsigned zone", "mc.b.example", 15, "0 au 2:b.example "
		"47:b.example s47:b.example ad 1:ns1.b.example" },
	{ "B.6, a wildcard", "a.z.w.example", 15, "0 an 15:a.z.w.example "
		"s15:a.z.w.example au 47:x.y.w.example s47:x.y.w.example "
		"ad 1:ai.example s1:ai.example" },
	{ "B.7, a wildcard without that type", "a.z.w.example", 28,
		"0 au 6:example s6:example 47:x.y.w.example s47:x.y.w.example "
		"47:*.w.example s47:*.w.example" },
	{ "B.8, DS of the zone itself", "example", 43, "0 au 6:example "
		"s6:example 47:example s47:example" },
	{ "an empty non-terminal", "y.w.example", 1, "0 au 6:example "
		"s6:example 47:x.w.example s47:x.w.example" },
};

/* "-" and names behind it in what is expected stand for anything: hashes of
 * names that the RFC does not tell. */
static bool
is_like(const char *found, const char *expected)
{
	const char *any = strstr(expected, ":-");
	size_t size = any == NULL ? 0 : (size_t)(any - expected);
	return any == NULL ? strcmp(found, expected) == 0 :
		strncmp(found, expected, size) == 0;
}

static void
proofs_of_nsec3(void **state)
{
	(void)state;
	read_zone(zone_nsec3);
	for (size_t i = 0; i < sizeof(nsec3_cases) / sizeof(*nsec3_cases);
	    i++) {
		struct buffer out;
		buffer_init(&out, 0);
		print_message("%s\n", nsec3_cases[i].name);
		ask(nsec3_cases[i].question, nsec3_cases[i].type, true,
			DNS_MESSAGE_LIMIT, &out);
		if (!is_like(buffer_string(&out), nsec3_cases[i].answer))
			assert_string_equal(buffer_string(&out),
				nsec3_cases[i].answer);
		buffer_fini(&out);
	}
}

static void
proofs_of_nsec(void **state)
{
	(void)state;
	read_zone(zone_nsec);
	for (size_t i = 0; i < sizeof(nsec_cases) / sizeof(*nsec_cases); i++) {
		struct buffer out;
		buffer_init(&out, 0);
		print_message("%s\n", nsec_cases[i].name);
		ask(nsec_cases[i].question, nsec_cases[i].type, true,
			DNS_MESSAGE_LIMIT, &out);
		assert_string_equal(buffer_string(&out),
			nsec_cases[i].answer);
		buffer_fini(&out);
	}
}

/* RFC 4035 3.1: who does not say DO gets nothing that he does not ask for. */
static void
nothing_of_it_without_do(void **state)
{
	(void)state;
	read_zone(zone_nsec3);
	for (size_t i = 0; i < sizeof(nsec3_cases) / sizeof(*nsec3_cases);
	    i++) {
		struct buffer out;
		buffer_init(&out, 0);
		ask(nsec3_cases[i].question, nsec3_cases[i].type, false,
			DNS_MESSAGE_LIMIT, &out);
		print_message("%s\n", buffer_string(&out));
		assert_null(strstr(buffer_string(&out), " s"));
		assert_null(strstr(buffer_string(&out), "50:"));
		buffer_fini(&out);
	}
}

/* A set without its signatures, or a no without its proof, says TC; addresses
 * that come along are left out (RFC 4035 3.1.1). */
static void
what_does_not_fit(void **state)
{
	static const struct {
		const char *question;
		uint16_t type;
		const char *with;	/* always, or TC */
	} cases[] = {
		{ "a.c.x.w.example", 1, "50:35mt s50:35mt" },
		{ "al.example", 15, "s15:x.w.example" },
		{ "mc.c.example", 15, "50:35mt s50:35mt ad 1:ns1.c.example" },
		{ "a.z.w.example", 15, "50:q04j s50:q04j" },
	};
	(void)state;
	read_zone(zone_nsec3);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t limit = 60; limit < DNS_UDP_LEAST; limit++) {
			struct buffer out;
			buffer_init(&out, 0);
			ask(cases[i].question, cases[i].type, true, limit,
				&out);
			if (strstr(buffer_string(&out), " TC") == NULL)
				assert_non_null(strstr(buffer_string(&out),
					cases[i].with));
			buffer_fini(&out);
		}
}

/* RFC 5155 appendix A */
static void
hashes(void **state)
{
	static const struct { const char *name, *hash; } names[] = {
		{ "example", H_EXAMPLE }, { "a.example", H_A },
		{ "ai.example", H_AI }, { "ns1.example", H_NS1 },
		{ "NS2.Example", H_NS2 }, { "w.example", H_W },
		{ "*.w.example", H_WILD }, { "x.w.example", H_X_W },
		{ "y.w.example", H_Y_W }, { "x.y.w.example", H_X_Y_W },
		{ "xx.example", H_XX }, { H_NS1 ".example", H_HASH },
	};
	static const struct denial_parameters parameters = { .iterations = 12,
		.salt_size = 4, .salt = { 0xaa, 0xbb, 0xcc, 0xdd } };
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct dns_name name;
		uint8_t hash[DENIAL_HASH];
		char label[DENIAL_LABEL + 1] = "";
		assert_true(dns_name_from_text(span_from(names[i].name),
			&name));
		denial_hash(&parameters, name.bytes, name.size, hash);
		denial_hash_to_label(hash, label);
		assert_string_equal(label, names[i].hash);
	}
}

/* Chains that make no sense are not used, or not whole; nothing breaks. */
static void
broken_chains(void **state)
{
	static const char *const zones_text[] = {
		NAMES "@ NSEC3PARAM 1 0 12 aabbccdd\n",
		NAMES "@ NSEC3PARAM 2 0 12 aabbccdd\n" NSEC3("x", H_A, "A"),
		NAMES "@ NSEC3PARAM 1 0 65535 aabbccdd\n"
			NSEC3(H_A, H_A, "A"),
		NAMES "@ NSEC3PARAM 1 0 12 aabbccdd\n" NSEC3("x", H_A, "A"),
		NAMES "@ NSEC3PARAM 1 0 12 aabbccdd\n" NSEC3(H_A, H_A, "A"),
		NAMES "@ NSEC3PARAM 1 0 12 aabbccdd\n"
			NSEC3(H_A ".w", H_A, "A"),
		NAMES NSEC("xx", "@", "A"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(zones_text) / sizeof(zones_text[0]); i++) {
		read_zone(zones_text[i]);
		for (size_t j = 0; j < sizeof(nsec3_cases) /
		    sizeof(*nsec3_cases); j++) {
			struct buffer out;
			buffer_init(&out, 0);
			ask(nsec3_cases[j].question, nsec3_cases[j].type,
				true, DNS_MESSAGE_LIMIT, &out);
			buffer_fini(&out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes),
		cmocka_unit_test(proofs_of_nsec3),
		cmocka_unit_test(proofs_of_nsec),
		cmocka_unit_test(nothing_of_it_without_do),
		cmocka_unit_test(what_does_not_fit),
		cmocka_unit_test(broken_chains),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	zones_free(&zones);
	return failed;
}
