/*
 * Tries every listener as a client would, each on a thread of its own: does it
 * answer, is it ours, does TLS work and with which certificate. The SMTP port is
 * also asked which recipients it would take; no message is ever sent.
 */
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/interfaces.h"
#include "base/memory.h"
#include "base/services.h"
#include "ctl/doctor_client.h"
#include "ctl/doctor_collect.h"
#include "ctl/programs.h"

enum { PROBES = 48, RECIPIENTS = 16, DOMAINS = 6 };

enum talk { TALK_SMTP, TALK_IMAP, TALK_POP3, TALK_NONE };

static const struct {
	const char *service;
	enum talk talk;
	bool is_encrypted;		/* TLS comes first */
} services_known[] = {
	{ "smtp", TALK_SMTP, false }, { "submission", TALK_SMTP, false },
	{ "submissions", TALK_SMTP, true }, { "lmtp", TALK_SMTP, false },
	{ "imap", TALK_IMAP, false }, { "imaps", TALK_IMAP, true },
	{ "pop3", TALK_POP3, false }, { "pop3s", TALK_POP3, true },
};
enum { KNOWN = sizeof(services_known) / sizeof(services_known[0]) };

struct probe {
	pthread_t thread;
	const struct doctor_facts *facts;	/* not changed meanwhile */
	struct arena arena;
	SSL_CTX *context;
	struct sockaddr_storage address;
	unsigned number;			/* port */
	enum talk talk;
	bool is_encrypted;
	/* Only whether a stranger's recipient is taken, from this address. */
	const struct network_address *source;
	bool asks_recipients;
	int64_t deadline;
	struct doctor_port port;
	struct doctor_certificate certificate;
	struct doctor_recipient recipient[RECIPIENTS];
	size_t recipient_count;
};

struct doctor_probes {
	struct probe probe[PROBES];
	size_t count;
	SSL_CTX *context;
};

/* ---- one conversation ---- */

static void
say_state(struct probe *probe, enum doctor_port_state state, const char *said)
{
	probe->port.state = state;
	probe->port.said = arena_copy_string(&probe->arena,
		span_first(span_from(said), 200));
}

/* The code of an SMTP reply, all of whose lines are read. *has: a line with
 * this keyword was among them. 0: none. */
static unsigned
read_reply(struct doctor_client *client, const char *keyword, bool *has)
{
	struct span line;
	struct error error;
	uint64_t code;
	do {
		if (doctor_client_line(client, &line, &error) < 0 ||
		    !span_to_number(span_first(line, 3), 599, &code))
			return 0;
		if (keyword != NULL && span_equals_nocase(span_skip(line, 4),
		    span_from(keyword)))
			*has = true;
	} while (line.size > 3 && line.data[3] == '-');
	return (unsigned)code;
}

static unsigned
command(struct doctor_client *client, const char *text)
{
	struct error error;
	return doctor_client_say(client, text, &error) < 0 ? 0 :
		read_reply(client, NULL, NULL);
}

static void
keep_certificate(struct probe *probe, struct doctor_client *client)
{
	STACK_OF(X509) *chain = SSL_get_peer_cert_chain(client->tls);
	if (chain != NULL)
		doctor_certificate_read(&probe->arena, chain,
			probe->context == NULL ? X509_V_OK :
			SSL_get_verify_result(client->tls),
			&probe->certificate);
}

static bool
encrypt(struct probe *probe, struct doctor_client *client)
{
	struct error error;
	if (doctor_client_encrypt(client, probe->context, config_text(
	    probe->facts->config, "myhostname"), &error) < 0) {
		say_state(probe, DOCTOR_PORT_NO_TLS, error.text);
		return false;
	}
	keep_certificate(probe, client);
	return true;
}

static bool
is_greeting(const struct probe *probe, struct span line)
{
	static const char *const begin[] = { "220 ", "* OK", "+OK " };
	const char *mark = probe->talk == TALK_SMTP ? config_text(
		probe->facts->config, "myhostname") : "Posthouse";
	return span_starts(line, span_from(begin[probe->talk])) &&
		span_search(line, span_from(mark)) < line.size;
}

static bool
read_greeting(struct probe *probe, struct doctor_client *client)
{
	struct span line;
	struct error error;
	if (doctor_client_line(client, &line, &error) < 0) {
		say_state(probe, DOCTOR_PORT_MUTE, error.text);
		return false;
	}
	say_state(probe, is_greeting(probe, line) ? DOCTOR_PORT_ANSWERS :
		DOCTOR_PORT_OTHER, arena_copy_string(&probe->arena, line));
	return probe->port.state == DOCTOR_PORT_ANSWERS;
}

static void
ask_recipient(struct probe *probe, struct doctor_client *client,
	const char *address, bool is_strangers)
{
	if (probe->recipient_count == RECIPIENTS)
		return;
	unsigned code = command(client, arena_print(&probe->arena,
		"RCPT TO:<%s>\r\n", address).data);
	probe->recipient[probe->recipient_count++] =
		(struct doctor_recipient){ .address = address, .code = code,
		.is_strangers = is_strangers };
}

/* In a transaction that is taken back. */
static void
ask_recipients(struct probe *probe, struct doctor_client *client)
{
	const struct doctor_facts *facts = probe->facts;
	if (command(client, "MAIL FROM:<>\r\n") / 100 != 2)
		return;
	if (probe->source != NULL)
		ask_recipient(probe, client,
			"relay-test@posthouse-doctor.example.com", true);
	for (size_t i = 0; i < facts->domain_count && i < DOMAINS &&
	    probe->source == NULL; i++) {
		ask_recipient(probe, client, arena_print(&probe->arena,
			"postmaster@%s", facts->domain[i]).data, false);
		ask_recipient(probe, client, arena_print(&probe->arena,
			"abuse@%s", facts->domain[i]).data, false);
	}
	command(client, "RSET\r\n");
}

static void
talk_smtp(struct probe *probe, struct doctor_client *client)
{
	struct error error;
	bool has_starttls = false;
	bool is_lmtp = strcmp(probe->port.service, "lmtp") == 0;
	if (doctor_client_say(client, is_lmtp ? "LHLO doctor.invalid\r\n" :
	    "EHLO doctor.invalid\r\n", &error) < 0 ||
	    read_reply(client, "STARTTLS", &has_starttls) != 250)
		return;
	if (probe->asks_recipients)
		ask_recipients(probe, client);
	if (probe->source != NULL || probe->is_encrypted || is_lmtp)
		return;
	probe->port.lacks_starttls = !has_starttls;
	if (has_starttls && command(client, "STARTTLS\r\n") == 220)
		encrypt(probe, client);
}

static void *
run(void *context)
{
	struct probe *probe = context;
	struct doctor_client client = { .fd = -1 };
	struct error error;
	if (doctor_client_connect(&client, &probe->address, probe->number,
	    probe->source, probe->deadline, &error) < 0) {
		say_state(probe, DOCTOR_PORT_CLOSED, error.text);
		return NULL;
	}
	if (probe->talk == TALK_NONE)
		say_state(probe, DOCTOR_PORT_ANSWERS, "");
	else if ((!probe->is_encrypted || encrypt(probe, &client)) &&
	    read_greeting(probe, &client) && probe->talk == TALK_SMTP)
		talk_smtp(probe, &client);
	doctor_client_close(&client);
	ERR_clear_error();
	OPENSSL_thread_stop();
	return NULL;
}

/* ---- all ---- */

/* Where `all` listens, this machine is reached by the loopback. */
static void
make_concrete(struct sockaddr_storage *address)
{
	struct sockaddr_in *four = (struct sockaddr_in *)address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
	if (address->ss_family == AF_INET &&
	    four->sin_addr.s_addr == htonl(INADDR_ANY))
		four->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (address->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr))
		six->sin6_addr = in6addr_loopback;
}

static struct probe *
add_probe(struct doctor_probes *probes, const struct doctor_facts *facts,
	const char *service, const struct sockaddr_storage *address,
	unsigned port)
{
	char text[INTERFACES_TEXT_SIZE];
	if (probes->count == PROBES)
		return NULL;
	struct probe *probe = &probes->probe[probes->count++];
	arena_init(&probe->arena, 0);
	probe->facts = facts;
	probe->context = probes->context;
	probe->address = *address;
	probe->number = port;
	probe->talk = TALK_NONE;
	make_concrete(&probe->address);
	interfaces_format(&probe->address, port, text);
	probe->port.service = arena_copy_string(&probe->arena,
		span_from(service));
	probe->port.address = arena_copy_string(&probe->arena,
		span_from(text));
	for (size_t i = 0; i < KNOWN; i++)
		if (strcmp(services_known[i].service, service) == 0) {
			probe->talk = services_known[i].talk;
			probe->is_encrypted = services_known[i].is_encrypted;
		}
	return probe;
}

static struct sockaddr_storage
socket_address(const struct network_address *address)
{
	struct sockaddr_storage out = { .ss_family = address->family };
	if (address->family == AF_INET)
		memcpy(&((struct sockaddr_in *)&out)->sin_addr, address->bytes,
			4);
	else
		memcpy(&((struct sockaddr_in6 *)&out)->sin6_addr,
			address->bytes, 16);
	return out;
}

static bool
is_listened_on(const struct interfaces *interfaces,
	const struct network_address *address)
{
	for (size_t i = 0; i < interfaces->count; i++) {
		struct network_address at = network_address_from(
			(const struct sockaddr *)&interfaces->address[i],
			sizeof(interfaces->address[i]));
		static const uint8_t any[16];
		size_t size = at.family == AF_INET ? 4 : 16;
		if (at.family == address->family &&
		    (memcmp(at.bytes, any, size) == 0 ||
		    memcmp(at.bytes, address->bytes, size) == 0))
			return true;
	}
	return false;
}

/* As a stranger, when this machine has an address that is one to itself. */
static void
add_relay_test(struct doctor_probes *probes, const struct doctor_facts *facts,
	const struct interfaces *interfaces, unsigned port)
{
	struct span own = span_from(config_text(facts->config, "mynetworks"));
	for (size_t i = 0; i < facts->own_count; i++) {
		const struct network_address *address = &facts->own[i];
		if (!is_listened_on(interfaces, address) ||
		    network_list_contains(own, address))
			continue;
		struct sockaddr_storage where = socket_address(address);
		struct probe *probe = add_probe(probes, facts, "smtp", &where,
			port);
		if (probe != NULL) {
			probe->source = address;
			probe->asks_recipients = true;
		}
		return;
	}
}

static void
add_row(struct doctor_probes *probes, const struct doctor_facts *facts,
	const struct interfaces *interfaces, const struct service_row *row)
{
	const struct config *config = facts->config;
	unsigned port = (unsigned)config_number(config, row->parameter);
	bool is_smtp = strcmp(row->service, "smtp") == 0;
	if (port == 0 || row->is_datagram ||
	    !services_is_on(config, row->service) ||
	    !services_wants(row->program, config))
		return;
	port += (unsigned)config_number(config, "port_offset");
	for (size_t i = 0; i < interfaces->count; i++) {
		/* A host without IPv6 is fine; it is not tried there. */
		if (interfaces->may_be_missing[i] &&
		    interfaces->address[i].ss_family == AF_INET6)
			continue;
		struct probe *probe = add_probe(probes, facts, row->service,
			&interfaces->address[i], port);
		if (probe != NULL)
			probe->asks_recipients = is_smtp && i == 0;
	}
	if (is_smtp)
		add_relay_test(probes, facts, interfaces, port);
}

static void
add_all(struct doctor_probes *probes, const struct doctor_facts *facts)
{
	char path[4096];
	struct error error;
	struct interfaces interfaces;
	struct network_address loopback = { .family = AF_INET,
		.bytes = { 127, 0, 0, 1 } };
	struct services *services = memory_new(sizeof(*services));
	/* Clients there begin with a PROXY header. */
	bool is_behind_proxy = network_list_contains(span_from(config_text(
		facts->config, "proxy_networks")), &loopback);
	if (!is_behind_proxy &&
	    programs_services(path, sizeof(path), &error) == 0 &&
	    services_read(path, facts->config, services, &error) == 0 &&
	    interfaces_find(&interfaces, facts->config, &error) == 0)
		for (size_t i = 0; i < services->row_count; i++)
			if (services->rows[i].file[0] == '\0')
				add_row(probes, facts, &interfaces,
					&services->rows[i]);
	memory_free(services);
}

static SSL_CTX *
make_context(const struct config *config)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return NULL;
	SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
	SSL_CTX_load_verify_file(context, config_text(config,
		"fetch_ca_file"));
	ERR_clear_error();
	return context;
}

struct doctor_probes *
doctor_probes_start(const struct doctor_facts *facts, int64_t deadline)
{
	struct doctor_probes *probes = memory_new(sizeof(*probes));
	*probes = (struct doctor_probes){ 0 };
	probes->context = make_context(facts->config);
	if (facts->is_running && probes->context != NULL)
		add_all(probes, facts);
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *probe = &probes->probe[i];
		probe->deadline = deadline;
		if (pthread_create(&probe->thread, NULL, run, probe) != 0) {
			arena_fini(&probe->arena);
			probes->count = i;
		}
	}
	return probes;
}

void
doctor_probes_end(struct doctor_probes *probes, struct doctor_facts *facts)
{
	facts->port = arena_new_array(facts->arena, PROBES,
		sizeof(*facts->port));
	facts->recipient = arena_new_array(facts->arena, PROBES * RECIPIENTS,
		sizeof(*facts->recipient));
	for (size_t i = 0; i < probes->count; i++) {
		struct probe *probe = &probes->probe[i];
		pthread_join(probe->thread, NULL);
		if (probe->source == NULL)
			facts->port[facts->port_count++] = probe->port;
		if (probe->certificate.is_known && !facts->served.is_known)
			facts->served = probe->certificate;
		for (size_t k = 0; k < probe->recipient_count; k++)
			facts->recipient[facts->recipient_count++] =
				probe->recipient[k];
	}
}

void
doctor_probes_free(struct doctor_probes **probes)
{
	if (*probes == NULL)
		return;
	for (size_t i = 0; i < (*probes)->count; i++)
		arena_fini(&(*probes)->probe[i].arena);
	SSL_CTX_free((*probes)->context);
	memory_free(*probes);
	*probes = NULL;
}
