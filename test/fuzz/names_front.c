/*
 * What anybody sends to dns_port: there is no answer, or one that can be read,
 * has the number of the question and fits; by both transports, for strangers
 * and for those whom the resolver answers.
 */
#include <assert.h>

#include "base/file.h"
#include "fuzz.h"
#include "names/front.h"
#include "names/secrets.h"
#include "names/transfer.h"
#include "names/zone_source.h"

static const char zone[] = "$TTL 60\n@ SOA ns root 1 1 1 1 1\n@ NS ns\n"
	"ns A 192.0.2.1\nout CNAME www.example.\ncut NS ns.cut\n"
	"ns.cut A 192.0.2.2\n*.w MX 1 ns\nd DNAME e\n*.e TXT \"x\"\n"
	"a CNAME x.d\n"
	"@ RRSIG SOA 13 2 60 20300101000000 20200101000000 1 a.test. AAAA\n"
	"@ NSEC3PARAM 1 0 0 -\n"
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 0 - "
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n"
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom RRSIG NSEC3 13 3 60 20300101000000 "
	"20200101000000 1 a.test. AAAA\n";

static struct zones *zones;

static void
complain(void *context, const struct dns_name *origin,
	const struct error *error)
{
	(void)context;
	(void)origin;
	assert(error == NULL);
}

static void
begin(void)
{
	const struct front_settings settings = {
		.recursion_networks = SPAN("10.0.0.0/8"),
		.transfer_peers = SPAN("10.0.0.0/8") };
	struct buffer file;
	struct error error;
	buffer_init(&file, 0);
	buffer_print(&file, "a.test f %zu\n%s", sizeof(zone) - 1, zone);
	zones = zone_source_read_files(buffer_span(&file), NULL, complain, NULL);
	buffer_fini(&file);
	front_configure(&settings);
	/* the one of unit/proto/tsig, whose time has passed or is to come */
	int keys = file_open_memory("keys", SPAN("key.example hmac-sha256 "
		"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="), &error);
	secrets_configure(keys, "keys");
	file_close(&keys);
}

static void
check(struct span in, const struct buffer *out, size_t limit)
{
	struct dns_reader reader;
	struct dns_record record;
	assert(out->size <= limit && dns_read(&reader, buffer_span(out)));
	while (dns_read_record(&reader, &record))
		;
	assert(!reader.is_malformed && reader.offset == out->size);
	assert(out->data[0] == in.data[0] && out->data[1] == in.data[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	if (zones == NULL)
		begin();
	for (unsigned i = 0; i < 4; i++) {
		struct front_client client = { .is_stream = i % 2 == 0,
			.address = { .family = AF_INET,
			.bytes = { i < 2 ? 10 : 11 } } };
		const struct message_answer answer = { .packet = in };
		struct front_question question;
		struct transfer transfer;
		struct buffer out;
		buffer_init(&out, 0);
		switch (front_take(in, &client, zones, &question, &out)) {
		case FRONT_NOTHING:
			break;
		case FRONT_TRANSFER:
			assert(i == 0);
			transfer_begin(&transfer, zones, question.zone,
				&question.question);
			transfer_set_signature(&transfer, &question.tsig);
			while (transfer_next(&transfer, &out))
				;
			transfer_end(&transfer);
			check(in, &out, DNS_MESSAGE_LIMIT);
			break;
		case FRONT_ASK:
			assert(i < 2);
			/* what a server says is no better */
			front_answer(&question, &answer, &out);
			check(in, &out, question.limit);
			break;
		case FRONT_ANSWERED:
			check(in, &out, client.is_stream ? DNS_MESSAGE_LIMIT :
				DNS_UDP_MOST);
			break;
		}
		buffer_fini(&out);
	}
	return 0;
}
