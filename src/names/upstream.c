/*
 * libunbound. Its options are a table; what it writes to its log becomes
 * events of ours.
 */
#include "names/upstream.h"

#include <stdio.h>
#include <string.h>
#include <unbound.h>
#include <unbound-event.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"

enum { BOGUS = 1, SECURE = 2 };		/* what its callback says */

struct upstream {
	struct ub_ctx *ctx;
};

static FILE *library_log;	/* one for all contexts, as the library has it */

/* Beside its defaults. */
static const char *const options_of_all[][2] = {
	/* the system's resolver may be on this machine */
	{ "do-not-query-localhost:", "no" },
	/* private networks and names that only forwarders know; the root's
	 * servers say no by themselves */
	{ "unblock-lan-zones:", "yes" },
	{ "insecure-lan-zones:", "yes" },
	{ "local-zone:", "test. transparent" },
	{ "local-zone:", "home.arpa. transparent" },
	/* whether a server still answers shows only a name not asked before */
	{ "aggressive-nsec:", "no" },
	{ "outgoing-range:", "256" },
	{ "minimal-responses:", "yes" },
	{ "harden-referral-path:", "no" },
	/* who did not answer is asked again soon: mail waits for him */
	{ "infra-cache-numhosts:", "10000" },
	{ "infra-host-ttl:", "60" },
	{ "infra-cache-max-rtt:", "3000" },
	{ "infra-keep-probing:", "yes" },
	{ "cache-max-negative-ttl:", "900" },
	{ "val-bogus-ttl:", "30" },
	{ "edns-buffer-size:", "1232" },
};

/* Shares of the cache, in eighths. */
static const struct {
	const char *option;
	unsigned share;
} caches[] = {
	{ "msg-cache-size:", 2 }, { "rrset-cache-size:", 4 },
	{ "key-cache-size:", 1 }, { "neg-cache-size:", 1 },
};

static int
set(struct upstream *upstream, const char *option, const char *value,
	struct error *error)
{
	int result = ub_ctx_set_option(upstream->ctx, option, value);
	if (result != 0)
		return error_set(error, ERROR_SYSTEM, "libunbound: %s %s: %s",
			option, value, ub_strerror(result));
	return 0;
}

static int
set_options(struct upstream *upstream,
	const struct upstream_options *options, struct error *error)
{
	char value[32];
	for (size_t i = 0; i < sizeof(options_of_all) /
	    sizeof(options_of_all[0]); i++)
		if (set(upstream, options_of_all[i][0], options_of_all[i][1],
			error) < 0)
			return -1;
	for (size_t i = 0; i < sizeof(caches) / sizeof(caches[0]); i++) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)
			(options->cache_size / 8 * caches[i].share));
		if (set(upstream, caches[i].option, value, error) < 0)
			return -1;
	}
	return set(upstream, "module-config:", options->anchors.size == 0 ?
		"iterator" : "validator iterator", error);
}

static int
set_servers(struct upstream *upstream, const struct sources_servers *servers,
	struct error *error)
{
	char address[NETWORK_TEXT_SIZE], text[NETWORK_TEXT_SIZE + 8];
	for (size_t i = 0; i < servers->count; i++) {
		network_address_format(&servers->server[i], address);
		snprintf(text, sizeof(text), "%s@%u", address,
			servers->server[i].port);
		int result = ub_ctx_set_fwd(upstream->ctx, text);
		if (result != 0)
			return error_set(error, ERROR_SYSTEM,
				"libunbound: the server %s: %s", text,
				ub_strerror(result));
	}
	return 0;
}

static int
set_trust(struct upstream *upstream, const struct upstream_options *options,
	struct error *error)
{
	struct span rest = options->anchors, item;
	struct buffer text;
	int result = 0;
	buffer_init(&text, 0);
	while (result == 0 && sources_next_anchor(&rest, &item)) {
		buffer_clear(&text);
		buffer_add(&text, item);
		result = ub_ctx_add_ta(upstream->ctx, buffer_string(&text));
	}
	if (result != 0)
		error_set(error, ERROR_USAGE, "dns_trust_anchor_file: found "
			"\"%.60s\", expected a DS or DNSKEY record on each "
			"line: %s", buffer_string(&text), ub_strerror(result));
	rest = options->insecure;
	while (result == 0 && options->anchors.size > 0 &&
	    config_next_item(&rest, &item)) {
		buffer_clear(&text);
		buffer_add(&text, item);
		result = set(upstream, "domain-insecure:",
			buffer_string(&text), error);
	}
	buffer_fini(&text);
	return result == 0 ? 0 : -1;
}

/* ---- its log ---- */

static ssize_t
take_line(void *cookie, const char *data, size_t size)
{
	struct span line = span_trim(span_of(data, size));
	(void)cookie;
	/* "[time] libunbound[1:0] error: what": ours has all but the last */
	size_t end = span_search(line, SPAN("] "));
	if (end < line.size)
		line = span_skip(line, end + 2);
	if (line.size > 0)
		log_event(LOG_WARN, "names-library", NULL,
			LOG_SPAN("says", line));
	return (ssize_t)size;
}

static void
take_log(struct upstream *upstream)
{
	if (library_log == NULL)
		library_log = fopencookie(NULL, "w",
			(cookie_io_functions_t){ .write = take_line });
	if (library_log == NULL)
		return;
	setvbuf(library_log, NULL, _IOLBF, 0);
	ub_ctx_debugout(upstream->ctx, library_log);
}

/* ---- life ---- */

int
upstream_new(const struct upstream_options *options,
	struct upstream **upstream, struct error *error)
{
	struct upstream *new = memory_new(sizeof(*new));
	new->ctx = ub_ctx_create_event(options->base);
	if (new->ctx == NULL) {
		upstream_free(&new);
		return error_set(error, ERROR_SYSTEM,
			"libunbound: making a context failed");
	}
	take_log(new);
	if (set_options(new, options, error) < 0 ||
	    set_servers(new, &options->servers, error) < 0 ||
	    set_trust(new, options, error) < 0) {
		upstream_free(&new);
		return -1;
	}
	*upstream = new;
	return 0;
}

void
upstream_free(struct upstream **upstream)
{
	if (*upstream == NULL)
		return;
	if ((*upstream)->ctx != NULL)
		ub_ctx_delete((*upstream)->ctx);
	memory_free(*upstream);
	*upstream = NULL;
}

/* ---- asking ---- */

/*
 * A "no" that names no zone (RFC 2308 2.1) is what broken and captive networks
 * say to everything; mail would be sent back for it.
 */
static bool
is_doubtful(const struct message_answer *answer)
{
	struct dns_reader reader;
	struct dns_record record;
	if (answer->rcode != DNS_NO_SUCH_NAME || answer->is_secure)
		return false;
	dns_read(&reader, answer->packet);
	while (dns_read_record(&reader, &record))
		if (record.section == DNS_AUTHORITY &&
		    record.type == DNS_TYPE_SOA)
			return false;
	return true;
}

static void
take_answer(void *mine, int rcode, void *packet, int size, int security,
	char *why_bogus, int was_limited)
{
	const struct upstream_call *call = mine;
	struct message_answer answer = { .rcode = (unsigned)rcode,
		.is_bogus = security == BOGUS, .is_secure = security == SECURE,
		.reason = span_from(why_bogus) };
	struct dns_reader reader;
	(void)was_limited;
	if (rcode == DNS_NO_ERROR && packet != NULL && size > 0 &&
	    dns_read(&reader, span_of(packet, (size_t)size))) {
		answer.packet = reader.message;
		answer.rcode = reader.header.flags & DNS_FLAG_RCODE;
	} else if (rcode == DNS_NO_ERROR)
		answer.rcode = DNS_SERVER_FAILURE;
	if (answer.is_bogus) {
		answer.rcode = DNS_SERVER_FAILURE;
	} else if (is_doubtful(&answer)) {
		answer.rcode = DNS_SERVER_FAILURE;
		answer.reason = SPAN("a server says that there is no such "
			"name, but not in which zone");
	}
	if (answer.rcode != DNS_NO_ERROR && answer.rcode != DNS_NO_SUCH_NAME)
		answer.packet.size = 0;
	call->function(call->context, &answer);
}

void
upstream_ask(struct upstream *upstream, const struct dns_question *asked,
	struct upstream_call *call)
{
	char name[DNS_TEXT_SIZE + 1];
	size_t size = dns_name_to_text(&asked->name, name);
	name[size] = '.';
	name[size + 1] = '\0';
	int result = ub_resolve_event(upstream->ctx, name, asked->type,
		asked->class, call, take_answer, NULL);
	if (result != 0)
		call->function(call->context, &(struct message_answer){
			.rcode = DNS_SERVER_FAILURE,
			.reason = span_from(ub_strerror(result)) });
}
