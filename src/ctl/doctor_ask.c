/*
 * Questions to the DNS for `posthouse doctor`: to names of the running system
 * by its Unix socket, whose AD bit is believed, and to a resolver outside by
 * UDP (TCP for what is cut). All that is wanted goes out together; what the
 * answers make the judges want next is another round.
 *
 *	RFC 1035 4.2, RFC 6840 5.7, RFC 8914
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/random.h"
#include "ctl/doctor_client.h"
#include "ctl/doctor_collect.h"
#include "proto/dns.h"

enum { ROUND_TIME = 6000, RETRY_TIME = 1200, OUTSIDE_TRIES = 3,
	PROBE_TIME = 1500, ROUNDS = 16, PACKET = 65535, TEXT_LIMIT = 16384 };

struct asker {
	struct doctor_facts *facts;
	int stream, datagram;		/* inside, outside; -1: none */
	struct network_address outside;
	uint16_t salt;			/* of the ids */
	struct buffer in;		/* of the stream */
};

/* ---- the answer ---- */

static struct span
data_text(struct doctor_facts *facts, struct span message,
	const struct dns_record *record)
{
	char name[DNS_TEXT_SIZE], address_text[NETWORK_TEXT_SIZE];
	struct span data = dns_data(message, record);
	const uint8_t *bytes = (const uint8_t *)data.data;
	struct network_address address;
	struct dns_name host;
	struct buffer text;
	struct span result = SPAN("");
	buffer_init(&text, 0);
	switch (record->type) {
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		if (dns_data_address(message, record, &address)) {
			network_address_format(&address, address_text);
			buffer_add_string(&text, address_text);
		}
		break;
	case DNS_TYPE_MX:
		if (dns_data_name(message, record, 2, &host)) {
			dns_name_to_text(&host, name);
			buffer_print(&text, "%u %s",
				(unsigned)(bytes[0] << 8 | bytes[1]), name);
		}
		break;
	case DOCTOR_TYPE_SRV:
		if (dns_data_name(message, record, 6, &host)) {
			dns_name_to_text(&host, name);
			buffer_print(&text, "%u %u %u %s", bytes[0] << 8 |
				bytes[1], bytes[2] << 8 | bytes[3],
				bytes[4] << 8 | bytes[5], name);
		}
		break;
	case DOCTOR_TYPE_CAA:
		/* flags, a tag with its size, the value (RFC 8659 4.1) */
		if (data.size > 2 && data.size - 2 >= bytes[1])
			buffer_print(&text, "%u %.*s %.*s", bytes[0], bytes[1],
				data.data + 2, SPAN_PRINT(span_skip(data,
				2 + (size_t)bytes[1])));
		break;
	case DNS_TYPE_TXT:
		dns_data_text(message, record, TEXT_LIMIT, &text);
		break;
	case DNS_TYPE_TLSA:
		if (data.size >= 4) {
			buffer_print(&text, "%u %u %u ", bytes[0], bytes[1],
				bytes[2]);
			buffer_add_hex(&text, span_skip(data, 3));
		}
		break;
	case DNS_TYPE_CNAME:
	case DNS_TYPE_NS:
	case DNS_TYPE_PTR:
		if (dns_data_name(message, record, 0, &host)) {
			dns_name_to_text(&host, name);
			buffer_add_string(&text, name);
		}
		break;
	default:
		buffer_add_hex(&text, data);
	}
	result = arena_copy(facts->arena, buffer_span(&text));
	buffer_fini(&text);
	return result;
}

static bool
is_bogus(struct dns_reader reader)
{
	struct dns_record record;
	struct dns_edns edns;
	while (dns_read_record(&reader, &record))
		if (record.type == DNS_TYPE_OPT) {
			dns_data_edns(reader.message, &record, &edns);
			return edns.error == DNS_ERROR_BOGUS;
		}
	return false;
}

static void
take_records(struct doctor_facts *facts, struct dns_reader *reader,
	struct doctor_answer *answer)
{
	struct dns_record record;
	unsigned code = reader->header.flags & DNS_FLAG_RCODE;
	answer->is_secure = (reader->header.flags & DNS_FLAG_AUTHENTIC) != 0;
	answer->outcome = code == DNS_NO_SUCH_NAME ? DOCTOR_NO_NAME :
		code == DNS_NO_ERROR ? DOCTOR_EMPTY : is_bogus(*reader) ?
		DOCTOR_BOGUS : DOCTOR_SILENT;
	while (code == DNS_NO_ERROR && dns_read_record(reader, &record))
		if (record.section == DNS_ANSWER &&
		    record.type == answer->type &&
		    record.class == DNS_CLASS_IN)
			doctor_answer_add(facts, answer, data_text(facts,
				reader->message, &record));
}

/* The question that a message answers, or NULL. */
static struct doctor_answer *
match(struct asker *asker, struct dns_reader *reader, enum doctor_view view)
{
	struct dns_question asked;
	struct dns_name name;
	const struct doctor_answers *answers = &asker->facts->answers;
	size_t index = (uint16_t)(reader->header.id - asker->salt);
	if ((reader->header.flags & DNS_FLAG_RESPONSE) == 0 ||
	    index >= answers->count ||
	    !dns_read_question(reader, &asked))
		return NULL;
	struct doctor_answer *answer = answers->answer[index];
	if (answer->view != view || answer->outcome != DOCTOR_UNASKED ||
	    asked.type != answer->type ||
	    !dns_name_from_text(span_from(answer->name), &name) ||
	    !dns_name_equals(&name, &asked.name))
		return NULL;
	return answer;
}

/* ---- sending ---- */

static bool
write_question(const struct asker *asker, size_t index, struct buffer *out)
{
	struct dns_writer writer;
	struct dns_edns edns = { .is_present = true, .udp_size = DNS_UDP_MOST,
		.error = DNS_NO_ERROR_CODE };
	struct doctor_answer *answer = asker->facts->answers.answer[index];
	struct dns_question question = { .type = answer->type,
		.class = DNS_CLASS_IN };
	if (!dns_name_from_text(span_from(answer->name), &question.name)) {
		answer->outcome = DOCTOR_NO_NAME;
		return false;
	}
	dns_write(&writer, out, PACKET, (uint16_t)(asker->salt + index),
		DNS_FLAG_RECURSION_DESIRED | DNS_FLAG_AUTHENTIC);
	dns_write_question(&writer, &question);
	dns_write_edns(&writer, &edns);
	dns_write_end(&writer);
	return true;
}

/* With its length in front (RFC 1035 4.2.2). */
static bool
write_framed(const struct asker *asker, size_t index, struct buffer *out)
{
	struct buffer message;
	buffer_init(&message, 0);
	bool ok = write_question(asker, index, &message);
	if (ok) {
		buffer_add_byte(out, (char)(message.size >> 8));
		buffer_add_byte(out, (char)message.size);
		buffer_add(out, buffer_span(&message));
	}
	buffer_fini(&message);
	return ok;
}

static void
send_inside(struct asker *asker)
{
	struct buffer out;
	struct error error;
	const struct doctor_answers *answers = &asker->facts->answers;
	buffer_init(&out, 0);
	for (size_t i = 0; i < answers->count; i++)
		if (answers->answer[i]->view == DOCTOR_INSIDE &&
		    answers->answer[i]->outcome == DOCTOR_UNASKED)
			write_framed(asker, i, &out);
	if (asker->stream >= 0 && out.size > 0 && file_write_all(
	    asker->stream, buffer_span(&out), &error) < 0)
		file_close(&asker->stream);
	buffer_fini(&out);
}

static void
send_outside(struct asker *asker)
{
	struct buffer out;
	const struct doctor_answers *answers = &asker->facts->answers;
	buffer_init(&out, 0);
	for (size_t i = 0; i < answers->count && asker->datagram >= 0; i++) {
		if (answers->answer[i]->view != DOCTOR_OUTSIDE ||
		    answers->answer[i]->outcome != DOCTOR_UNASKED)
			continue;
		buffer_clear(&out);
		if (write_question(asker, i, &out))
			send(asker->datagram, out.data, out.size, MSG_NOSIGNAL);
	}
	buffer_fini(&out);
}

/* ---- receiving ---- */

/* What was cut is had by TCP, alone. */
static void
ask_by_tcp(struct asker *asker, size_t index)
{
	struct doctor_client client = { .fd = -1 };
	struct sockaddr_storage address = { 0 };
	struct error error;
	struct buffer out;
	struct dns_reader reader;
	uint8_t size[2];
	if (asker->outside.family == AF_INET) {
		address.ss_family = AF_INET;
		memcpy(&((struct sockaddr_in *)&address)->sin_addr,
			asker->outside.bytes, 4);
	} else {
		address.ss_family = AF_INET6;
		memcpy(&((struct sockaddr_in6 *)&address)->sin6_addr,
			asker->outside.bytes, 16);
	}
	if (doctor_client_connect(&client, &address, asker->outside.port, NULL,
	    clock_monotonic() + PROBE_TIME, &error) < 0)
		return;
	struct timeval wait = { .tv_sec = 2 };
	fcntl(client.fd, F_SETFL, 0);
	setsockopt(client.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	buffer_init(&out, 0);
	write_framed(asker, index, &out);
	bool ok = file_write_all(client.fd, buffer_span(&out), &error) == 0 &&
		recv(client.fd, size, 2, MSG_WAITALL) == 2;
	size_t length = ok ? (size_t)(size[0] << 8 | size[1]) : 0;
	buffer_clear(&out);
	if (length > 0 && buffer_reserve(&out, length) && recv(client.fd,
	    out.data, length, MSG_WAITALL) == (ssize_t)length &&
	    dns_read(&reader, span_of(out.data, length))) {
		struct doctor_answer *answer = match(asker, &reader,
			DOCTOR_OUTSIDE);
		if (answer != NULL)
			take_records(asker->facts, &reader, answer);
	}
	buffer_fini(&out);
	doctor_client_close(&client);
}

static void
receive_outside(struct asker *asker)
{
	char bytes[4096];
	struct dns_reader reader;
	ssize_t n = recv(asker->datagram, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n <= 0 || !dns_read(&reader, span_of(bytes, (size_t)n)))
		return;
	struct doctor_answer *answer = match(asker, &reader, DOCTOR_OUTSIDE);
	if (answer == NULL)
		return;
	if ((reader.header.flags & DNS_FLAG_TRUNCATED) != 0)
		ask_by_tcp(asker, (uint16_t)(reader.header.id - asker->salt));
	else
		take_records(asker->facts, &reader, answer);
}

static void
receive_inside(struct asker *asker)
{
	struct dns_reader reader;
	if (!buffer_reserve(&asker->in, 16384))
		return;
	ssize_t n = recv(asker->stream, asker->in.data + asker->in.size, 16384,
		MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		file_close(&asker->stream);
		return;
	}
	asker->in.size += n > 0 ? (size_t)n : 0;
	while (asker->in.size >= 2) {
		const uint8_t *at = (const uint8_t *)asker->in.data;
		size_t size = (size_t)(at[0] << 8 | at[1]);
		if (asker->in.size < size + 2)
			break;
		if (dns_read(&reader, span_of(at + 2, size))) {
			struct doctor_answer *answer = match(asker, &reader,
				DOCTOR_INSIDE);
			if (answer != NULL)
				take_records(asker->facts, &reader, answer);
		}
		buffer_shift(&asker->in, size + 2);
	}
}

/* ---- rounds ---- */

static bool
is_waiting(const struct asker *asker, enum doctor_view view)
{
	const struct doctor_answers *answers = &asker->facts->answers;
	for (size_t i = 0; i < answers->count; i++)
		if (answers->answer[i]->view == view &&
		    answers->answer[i]->outcome == DOCTOR_UNASKED)
			return true;
	return false;
}

/* Sends what is unasked, takes answers until the deadline; what has none then
 * is SILENT. */
static void
ask_round(struct asker *asker, int64_t deadline)
{
	struct doctor_answers *answers = &asker->facts->answers;
	int64_t retry = 0;
	send_inside(asker);
	for (;;) {
		bool inside = asker->stream >= 0 &&
			is_waiting(asker, DOCTOR_INSIDE);
		bool outside = asker->datagram >= 0 &&
			is_waiting(asker, DOCTOR_OUTSIDE);
		int64_t now = clock_monotonic();
		if ((!inside && !outside) || now >= deadline)
			break;
		if (outside && now >= retry) {
			send_outside(asker);
			retry = now + RETRY_TIME;
		}
		struct pollfd slots[2] = {
			{ .fd = asker->stream, .events = POLLIN },
			{ .fd = asker->datagram, .events = POLLIN } };
		int64_t next = outside && retry < deadline ? retry : deadline;
		poll(slots, 2, clock_until(next));
		if ((slots[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
			receive_inside(asker);
		if ((slots[1].revents & (POLLIN | POLLERR)) != 0)
			receive_outside(asker);
	}
	for (size_t i = 0; i < answers->count; i++)
		if (answers->answer[i]->outcome == DOCTOR_UNASKED)
			answers->answer[i]->outcome = DOCTOR_SILENT;
}

/* ---- whom to ask ---- */

static int
connect_inside(const struct config *config)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int dir = open(config_text(config, "runtime_directory"),
		O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path),
		"/proc/self/fd/%d/dns", dir);
	if (dir < 0 || fd < 0 || connect(fd, (struct sockaddr *)&address,
	    sizeof(address)) < 0)
		file_close(&fd);
	file_close(&dir);
	return fd;
}

static int
connect_outside(const struct network_address *server)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_port = htons(server->port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
		.sin6_port = htons(server->port) };
	memcpy(&four.sin_addr, server->bytes, 4);
	memcpy(&six.sin6_addr, server->bytes, 16);
	bool is_ipv4 = server->family == AF_INET;
	int fd = socket(server->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, is_ipv4 ? (struct sockaddr *)&four :
	    (struct sockaddr *)&six, is_ipv4 ? sizeof(four) : sizeof(six)) < 0)
		file_close(&fd);
	return fd;
}

/* Does it answer at all? Asked for the root, which everybody knows. */
static bool
try_outside(struct asker *asker, const char *text)
{
	if (!network_server_parse(span_from(text), 53, &asker->outside))
		return false;
	asker->datagram = connect_outside(&asker->outside);
	const struct doctor_answer *root = doctor_answer_of(asker->facts,
		DOCTOR_OUTSIDE, ".", DNS_TYPE_NS);
	struct doctor_answer *again = asker->facts->answers.answer[
		asker->facts->answers.count - 1];
	if (again == root)
		again->outcome = DOCTOR_UNASKED;
	if (asker->datagram >= 0)
		ask_round(asker, clock_monotonic() + PROBE_TIME);
	/* A nameserver of some zones only says REFUSED, and is there. */
	if (root->outcome >= DOCTOR_BOGUS)
		return true;
	file_close(&asker->datagram);
	return false;
}

/* The nameserver lines of a resolv.conf that are not this machine. */
static size_t
read_resolv_conf(struct doctor_facts *facts, const char **out, size_t room)
{
	struct buffer bytes;
	struct error error;
	struct span rest, line, word;
	struct network_address address;
	size_t count = 0;
	buffer_init(&bytes, 0);
	if (file_read_whole(AT_FDCWD, config_text(facts->config,
	    "dns_resolv_conf"), 65536, &bytes, &error) < 0)
		buffer_clear(&bytes);
	rest = buffer_span(&bytes);
	while (count < room && span_split(&rest, '\n', &line)) {
		if (!span_word(&line, &word) ||
		    !span_equals(word, SPAN("nameserver")) ||
		    !span_word(&line, &word) ||
		    !network_server_parse(word, 53, &address) ||
		    network_is_loopback(&address) ||
		    doctor_is_own(facts, &address))
			continue;
		out[count++] = arena_copy_string(facts->arena, word);
	}
	buffer_fini(&bytes);
	return count;
}

static void
find_outside(struct asker *asker, const char *resolver)
{
	struct doctor_facts *facts = asker->facts;
	const char *server[OUTSIDE_TRIES];
	size_t count = 0;
	struct span rest = span_from(config_text(facts->config,
		"dns_forwarders")), item;
	if (resolver != NULL)
		server[count++] = resolver;
	while (resolver == NULL && count < OUTSIDE_TRIES &&
	    config_next_item(&rest, &item))
		server[count++] = arena_copy_string(facts->arena, item);
	if (count == 0)
		count = read_resolv_conf(facts, server, OUTSIDE_TRIES);
	for (size_t i = 0; i < count; i++) {
		if (try_outside(asker, server[i])) {
			facts->answers.has_outside = true;
			facts->answers.silent_resolver = NULL;
			return;
		}
		facts->answers.silent_resolver = server[i];
	}
}

void
doctor_ask(struct doctor_facts *facts, const char *resolver, int64_t deadline)
{
	struct asker asker = { .facts = facts, .datagram = -1,
		.salt = (uint16_t)random_u64() };
	struct doctor_report *scratch = arena_new(facts->arena,
		sizeof(*scratch));
	asker.stream = connect_inside(facts->config);
	facts->answers.has_inside = asker.stream >= 0;
	buffer_init(&asker.in, 4 << 20);
	find_outside(&asker, resolver);
	for (size_t i = 0; i < ROUNDS; i++) {
		int64_t now = clock_monotonic();
		doctor_judge(facts, scratch);
		if (now >= deadline || (!is_waiting(&asker, DOCTOR_INSIDE) &&
		    !is_waiting(&asker, DOCTOR_OUTSIDE)))
			break;
		ask_round(&asker, now + ROUND_TIME < deadline ?
			now + ROUND_TIME : deadline);
	}
	file_close(&asker.stream);
	file_close(&asker.datagram);
	buffer_fini(&asker.in);
}
