/*
 * Trying hosts; deliver.h. A kept connection first, which needs neither names
 * nor a new handshake; then each address of each host in order.
 */
#include "relay/deliver.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/random.h"
#include "serve/counter.h"

struct delivery {
	struct relay *relay;
	const struct parameters *settings;
	struct mail_transaction *mail;
	struct arena *arena;
	struct next_hop hop;
	struct next_hop_world world;
	struct message message;
	struct attempt *attempt;
	size_t count;
	struct span key;		/* of kept connections */
	enum tls_level level;		/* of TLS, for the next hop */
	struct span domain;		/* the next hop, when it is one: A-labels */
	enum tls_sts sts;		/* of the domain, where the level asks */
	struct mta_sts_policy sts_policy;
	struct verdict failure;		/* of the last host that was of no use */
	bool is_at_end;			/* the next host would be this one */
	unsigned addresses, sessions;	/* tried so far */
	int64_t began, until;		/* monotonic ms */
	bool is_tls_report;		/* of ours: see tls_report_is_one */
};

/* ---- who has no verdict ---- */

static size_t
collect_open(struct delivery *delivery, struct attempt **open)
{
	size_t count = 0;
	for (size_t i = 0; i < delivery->count; i++)
		if (delivery->attempt[i].verdict.code == 0)
			open[count++] = &delivery->attempt[i];
	return count;
}

static bool
has_open(const struct delivery *delivery)
{
	for (size_t i = 0; i < delivery->count; i++)
		if (delivery->attempt[i].verdict.code == 0)
			return true;
	return false;
}

/* RFC 5321 5.1: who was put off by one host is tried with the next. */
static void
reopen_later(struct attempt **tried, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct verdict *verdict = &tried[i]->verdict;
		bool is_uncertain = verdict->status[1] == 4 &&
			verdict->status[2] == 2;
		if (verdict->code / 100 != 4 || is_uncertain)
			continue;
		tried[i]->before = *verdict;
		verdict->code = 0;
	}
}

/* ---- the log ---- */

static void
log_recipient(const struct delivery *delivery, const struct attempt *attempt,
	const struct client *client)
{
	const struct verdict *verdict = &attempt->verdict;
	char status[16];
	struct buffer out = { .data = status, .room = sizeof(status),
		.limit = sizeof(status) };
	buffer_print(&out, "%u.%u.%u", verdict->status[0], verdict->status[1],
		verdict->status[2]);
	log_event(LOG_INFO, "relayed", &delivery->mail->scope,
		LOG_SPAN("to", attempt->recipient->address),
		LOG_SPAN("next_hop", delivery->hop.text),
		LOG_TEXT("host", client == NULL ? "" : client->host),
		LOG_TEXT("tls", client == NULL || client->tls[0] == '\0' ?
			"none" : client->tls),
		LOG_TEXT("verdict", verdict->code / 100 == 2 ? "delivered" :
			verdict->code / 100 == 4 ? "later" : "never"),
		LOG_SPAN("status", buffer_span(&out)),
		LOG_SPAN("reason", verdict->text),
		LOG_NUMBER("delay", clock_monotonic() - delivery->began));
}

/* ---- a connection that stands ---- */

/* 452 leaves some for another transaction (RFC 5321 4.5.3.1.10). */
static bool
has_postponed(struct attempt **tried, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tried[i]->verdict.code == 0 && tried[i]->is_postponed)
			return true;
	return false;
}

/*
 * Transactions until nobody waits for one. Each round decides somebody, for
 * only who was accepted makes others be postponed.
 */
static bool
run_transactions(struct delivery *delivery, struct client *client)
{
	struct attempt **open = memory_new_array(delivery->count,
		sizeof(*open));
	struct attempt **tried = memory_new_array(delivery->count,
		sizeof(*tried));
	size_t all = collect_open(delivery, tried), count;
	bool is_usable;
	do {
		count = collect_open(delivery, open);
		is_usable = transaction_run(client, &delivery->message, open,
			count);
	} while (is_usable && has_postponed(tried, all));
	for (size_t i = 0; i < all; i++)
		if (tried[i]->verdict.code != 0)
			log_recipient(delivery, tried[i], client);
	if (is_usable && delivery->sessions > 0)
		reopen_later(tried, all);
	memory_free(open);
	memory_free(tried);
	return is_usable;
}

/* Runs what is open and keeps the connection, or closes it. */
static void
use_client(struct delivery *delivery, struct client **client)
{
	(*client)->until = delivery->until;
	if (run_transactions(delivery, *client)) {
		connections_give(delivery->relay->connections, delivery->key,
			client);
		return;
	}
	verdict_set(&delivery->failure, delivery->arena, 451, "4.4.2",
		"the conversation with host %s ended early: %s",
		(*client)->host, (*client)->trouble);
	client_free(client);
}

static void
try_kept(struct delivery *delivery)
{
	struct client *client;
	while (has_open(delivery) && (client = connections_take(
		delivery->relay->connections, delivery->key)) != NULL)
		use_client(delivery, &client);
}

/* ---- new connections ---- */

static struct span
host_text(struct delivery *delivery, struct span name,
	const struct network_address *address)
{
	char text[NETWORK_TEXT_SIZE];
	network_address_format(address, text);
	if (address->port == NEXT_HOP_PORT)
		return arena_print(delivery->arena, "%.*s[%s]",
			SPAN_PRINT(name), text);
	return arena_print(delivery->arena, "%.*s[%s]:%u", SPAN_PRINT(name),
		text, address->port);
}

/* A host that cannot be used says so once; the next one is tried. */
static void
note_failure(struct delivery *delivery, struct span host)
{
	log_event(LOG_INFO, "host-not-used", &delivery->mail->scope,
		LOG_SPAN("next_hop", delivery->hop.text),
		LOG_SPAN("host", host),
		LOG_SPAN("reason", delivery->failure.text),
		LOG_NUMBER("delay", clock_monotonic() - delivery->began));
}

/* "user:password" for the next hop, or for the host. */
static void
find_login(const struct delivery *delivery, struct span name,
	struct open_request *request)
{
	const struct table *passwords = delivery->settings->passwords;
	struct span value;
	if (passwords == NULL ||
		(!table_find(passwords, delivery->hop.text, false, &value) &&
		!table_find(passwords, name, false, &value)))
		return;
	request->has_login = span_split(&value, ':', &request->user);
	request->password = value;
}

/* How TLS with a host is to be, and why. */
struct host_tls {
	struct tls_policy_facts facts;
	struct tls_plan plan;
};

/* For the reports that the domain may want (RFC 8460). */
static void
note_tls(struct delivery *delivery, struct span name,
	const struct network_address *address, const struct host_tls *tls,
	const struct open_tls *outcome)
{
	const struct tls_report_session session = { .domain = delivery->domain,
		.host = name, .address = address, .facts = &tls->facts,
		.policy = &delivery->sts_policy, .plan = &tls->plan,
		.tls = outcome };
	if (!delivery->is_tls_report)
		tls_reports_note(delivery->relay->reports, &session,
			clock_wall());
}

static void
try_address(struct delivery *delivery, struct span name,
	const struct network_address *address, const struct host_tls *tls)
{
	struct open_tls outcome = { .outcome = OPEN_TLS_NOT_TRIED };
	struct open_request request = { .world = &delivery->relay->open,
		.settings = delivery->settings, .scope =
		&delivery->mail->scope, .address = address, .host =
		host_text(delivery, name, address), .plan = &tls->plan,
		.tls = &outcome,
		.until = delivery->until, .arena = delivery->arena };
	find_login(delivery, name, &request);
	delivery->addresses++;
	struct client *client = open_client(&request, &delivery->failure);
	note_tls(delivery, name, address, tls, &outcome);
	if (client == NULL) {
		note_failure(delivery, request.host);
		return;
	}
	delivery->sessions++;
	use_client(delivery, &client);
}

static bool
may_try_more(const struct delivery *delivery)
{
	const struct parameters *settings = delivery->settings;
	return has_open(delivery) && !delivery->is_at_end &&
		clock_monotonic() < delivery->until &&
		(settings->address_limit == 0 ||
		delivery->addresses < settings->address_limit) &&
		(settings->session_limit == 0 ||
		delivery->sessions < settings->session_limit);
}

/* smtp_tls_policy_maps before smtp_tls_security_level. */
static enum tls_level
find_level(const struct delivery *delivery)
{
	enum tls_level level = delivery->settings->tls_level;
	struct span value, word;
	/* RFC 8460 3: it may be about what the domain demands. */
	if (delivery->is_tls_report)
		return TLS_LEVEL_MAY;
	/* Every value was looked at when the table was read. */
	if (table_find(delivery->settings->tls_policies, delivery->hop.text,
		true, &value) && span_word(&value, &word))
		tls_level_parse(word, &level);
	return level;
}

/* The next hop as policies and reports name it; empty: it is a host. */
static void
find_domain(struct delivery *delivery)
{
	struct span domain;
	if (!delivery->hop.is_host &&
	    address_normalise_domain(delivery->arena, delivery->hop.name,
	    &domain) && address_domain_to_ascii(delivery->arena, domain,
	    &domain))
		delivery->domain = domain;
}

/* RFC 8461 is for domains that are found by MX; once for all their hosts. */
static void
find_sts(struct delivery *delivery, const struct next_hop_hosts *hosts)
{
	struct relay *relay = delivery->relay;
	bool is_unfetched = false;
	const struct sts_world world = { .names = &delivery->world,
		.fetch = relay->fetch, .fetcher = relay->fetcher,
		.scope = &delivery->mail->scope, .now = clock_wall(),
		.is_signed = hosts->is_secure,
		.is_unfetched = &is_unfetched };
	if (delivery->level != TLS_LEVEL_DANE || delivery->domain.size == 0)
		return;
	delivery->sts = sts_find(relay->sts, delivery->domain, &world,
		delivery->arena, &delivery->sts_policy);
	if (is_unfetched && !delivery->is_tls_report)
		tls_reports_note_unfetched(relay->reports, delivery->domain,
			world.now);
}

/* How TLS is with this host; false: the host is not to be used. */
static bool
plan_tls(struct delivery *delivery, const struct next_hop_hosts *hosts,
	const struct next_hop_host *host,
	const struct next_hop_addresses *addresses, struct host_tls *tls)
{
	static const struct open_tls nothing = { OPEN_TLS_NOT_TRIED, {
		.is_done = false } };
	const struct tls_plan *plan = &tls->plan;
	tls->facts = (struct tls_policy_facts){ .level = delivery->level,
		.needs_tls = delivery->mail->mail.needs_tls,
		.sts = delivery->sts, .is_sts_host =
		delivery->sts != TLS_STS_NOT && mta_sts_matches(
		&delivery->sts_policy, host->name) };
	tls_lookup_plan(&delivery->hop, hosts, host, addresses,
		&delivery->world, delivery->arena, &tls->facts,
		&tls->plan);
	if (plan->demand.wish != TLS_NOT_THIS_HOST)
		return true;
	note_tls(delivery, host->name, NULL, tls, &nothing);
	bool is_final = plan->demand.is_final;
	verdict_set(&delivery->failure, delivery->arena, is_final ? 550 : 451,
		is_final ? "5.7.30" : plan->is_ours ? "4.3.0" : "4.7.5",
		"the mail host %.*s %s", SPAN_PRINT(host->name), plan->demand.reason);
	note_failure(delivery, host->name);
	return false;
}

/* An MX record that leads back to us, under whatever name. */
static bool
is_own(const struct delivery *delivery,
	const struct next_hop_addresses *addresses)
{
	const struct open_world *world = &delivery->relay->open;
	for (size_t i = 0; i < addresses->count && !delivery->hop.is_host;
		i++) {
		const struct network_address *address = &addresses->address[i];
		enum parameters_own own = parameters_is_own(delivery->settings,
			address);
		if (own == PARAMETERS_OWN || (own == PARAMETERS_OWN_IF_LOCAL &&
			world->is_local != NULL && world->is_local(address)))
			return true;
	}
	return false;
}

/* RFC 5321 5.1: it and all that are not better are no way; a better one that
 * was tried has its say. */
static void
end_at_own_host(struct delivery *delivery, const struct next_hop_hosts *hosts,
	const struct next_hop_host *host)
{
	delivery->is_at_end = true;
	if (hosts->host[0].preference < host->preference &&
		delivery->failure.code != 0)
		return;
	verdict_set(&delivery->failure, delivery->arena, 554, "5.4.6",
		"mail for %.*s goes in a circle: its best mail host %.*s is "
		"this host, which does not know the domain",
		SPAN_PRINT(delivery->hop.text), SPAN_PRINT(host->name));
}

static void
try_host(struct delivery *delivery, const struct next_hop_hosts *hosts,
	const struct next_hop_host *host)
{
	struct next_hop_addresses addresses;
	struct host_tls tls;
	struct verdict why;
	if (!next_hop_resolve(&delivery->hop, host, &delivery->world,
		delivery->arena, &addresses, &why)) {
		/* "Never" is only for when no host has an address; what is
		 * doubtful of one is doubtful of all. */
		if (delivery->failure.code == 0 || why.code / 100 == 4)
			delivery->failure = why;
		return;
	}
	if (is_own(delivery, &addresses)) {
		end_at_own_host(delivery, hosts, host);
		return;
	}
	if (!plan_tls(delivery, hosts, host, &addresses, &tls))
		return;
	for (size_t i = 0; i < addresses.count && may_try_more(delivery); i++)
		try_address(delivery, host->name,
			&addresses.address[i], &tls);
}

static void
try_hosts(struct delivery *delivery)
{
	struct next_hop_hosts hosts;
	if (!next_hop_find(&delivery->hop, &delivery->world, delivery->arena,
		&hosts, &delivery->failure))
		return;
	delivery->level = find_level(delivery);
	find_domain(delivery);
	find_sts(delivery, &hosts);
	for (size_t i = 0; i < hosts.count && may_try_more(delivery); i++)
		try_host(delivery, &hosts, &hosts.host[i]);
}

/* ---- the whole ---- */

static void
ask(void *context, struct arena *arena,
	const struct names_question *questions, size_t count)
{
	struct relay *relay = context;
	relay->ask(relay->names, arena, questions, count, clock_monotonic() +
		NEXT_HOP_NAMES_WAIT);
}

/* False: nothing can be tried, and .failure says why. */
static bool
prepare(struct delivery *delivery)
{
	const struct smtp_mail *mail = &delivery->mail->mail;
	struct buffer text;
	struct error error;
	buffer_init(&text, 0);
	bool ok = smtp_xtext_decode(&text, mail->next_hop) &&
		next_hop_parse(arena_copy(delivery->arena, buffer_span(&text)),
		&delivery->hop);
	buffer_fini(&text);
	if (!ok) {
		verdict_set(&delivery->failure, delivery->arena, 451, "4.3.5",
			"the next hop \"%.*s\" is neither a domain nor a host",
			SPAN_PRINT(mail->next_hop));
		return false;
	}
	/* A reload may have changed what is demanded. */
	delivery->key = arena_print(delivery->arena, "%.*s%s %p",
		SPAN_PRINT(delivery->hop.text), mail->needs_tls ? " tls" : "",
		(const void *)delivery->settings);
	if (message_init(&delivery->message, delivery->mail, delivery->arena,
		&error) == 0)
		return true;
	verdict_set(&delivery->failure, delivery->arena, 451, "4.3.0", "%s",
		error.text);
	return false;
}

static void
finish(struct delivery *delivery, struct buffer *replies)
{
	if (delivery->failure.code == 0)
		verdict_set(&delivery->failure, delivery->arena, 451, "4.4.1",
			"no server was tried in time");
	for (size_t i = 0; i < delivery->count; i++) {
		struct attempt *attempt = &delivery->attempt[i];
		if (attempt->verdict.code == 0 && attempt->before.code != 0) {
			attempt->verdict = attempt->before;
		} else if (attempt->verdict.code == 0) {
			attempt->verdict = delivery->failure;
			log_recipient(delivery, attempt, NULL);
		}
		unsigned kind = attempt->verdict.code / 100;
		counter_add(kind == 2 ? COUNTER_RELAYED : kind == 4 ?
			COUNTER_RELAY_LATER : COUNTER_RELAY_NEVER, 1);
		verdict_add(replies, &attempt->verdict);
	}
}

void
deliver(const struct mail_server *server, struct mail_transaction *transaction,
	struct buffer *replies)
{
	struct relay *relay = server->context;
	struct delivery delivery = { .relay = relay, .mail = transaction,
		.settings = atomic_load(&relay->settings),
		.arena = &transaction->arena, .count = transaction->count,
		.began = clock_monotonic(), .message.converted.file = -1 };
	delivery.until = delivery.began + DELIVER_TIME;
	delivery.is_tls_report = tls_report_is_one(buffer_span(
		&transaction->body.memory));
	delivery.world = (struct next_hop_world){ .ask = ask,
		.random = random_u64, .context = relay,
		.settings = delivery.settings };
	delivery.attempt = memory_new_array(delivery.count,
		sizeof(*delivery.attempt));
	for (size_t i = 0; i < delivery.count; i++)
		delivery.attempt[i].recipient = &transaction->recipient[i];
	if (prepare(&delivery)) {
		try_kept(&delivery);
		if (has_open(&delivery))
			try_hosts(&delivery);
	}
	finish(&delivery, replies);
	message_fini(&delivery.message);
	memory_free(delivery.attempt);
}
