/*
 * names: the resolver. It asks the DNS for the others, validates what comes
 * (RFC 4035), and keeps it in a cache. Its answers are believed by programs of
 * ours because they come over a wire that master made; it believes nobody. It
 * reads neither /etc/hosts nor any other file once it serves.
 *
 * It also answers for the zones of dns_zones and dns_secondary_zones, to anybody.
 *
 * What it opens: the loopback port (dns_resolver_port), and a socket to the
 * kernel for the addresses of this machine. master opens for it dns_port, the
 * files of dns_zones, dns_trust_anchor_file, dns_resolv_conf, dns_tsig_keys,
 * dns_state_file and dns_secondary_file.
 * Its jail has no files but the network.
 *
 * `names --check` (ctl/check.c): reads what dns_zones names on standard input,
 * and says on standard output what is wrong with it.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "names/attached.h"
#include "names/datagram.h"
#include "names/inquirer.h"
#include "names/kept.h"
#include "names/loopback.h"
#include "names/notify.h"
#include "names/operator.h"
#include "names/recall.h"
#include "names/records.h"
#include "names/remembered.h"
#include "names/secrets.h"
#include "names/renew.h"
#include "names/secondary.h"
#include "names/signer.h"
#include "serve/jail.h"

enum { WORKERS = 4, STOP_GRACE = 2000, ZONES_LIMIT = 1 << 30 };

static struct resolver *resolver;

/* What a descriptor of master's holds; a file that is not there is empty. */
static void
read_file(const char *parameter, struct buffer *out)
{
	struct error error;
	int fd = process_file(parameter);
	buffer_init(out, 0);
	if (fd >= 0 && file_read_descriptor(fd, SOURCES_FILE_LIMIT, out,
		&error) < 0)
		log_event(LOG_ERROR, "file-not-read", NULL,
			LOG_TEXT("parameter", parameter),
			LOG_TEXT("reason", error.text));
}

static enum resolver_validation
read_validation(const struct config *config)
{
	const char *word = config_text(config, "dns_validation");
	return strcmp(word, "yes") == 0 ? RESOLVER_YES :
		strcmp(word, "no") == 0 ? RESOLVER_NO : RESOLVER_WHEN_POSSIBLE;
}

static unsigned
read_port(const struct config *config)
{
	uint64_t port = config_number(config, "dns_resolver_port");
	return port == 0 ? 0 : (unsigned)(port +
		config_number(config, "port_offset"));
}

/* Who has made this machine his own resolver (the book does) would have us ask
 * ourselves. */
static void
leave_out_own(const struct config *config, struct sources_servers *servers)
{
	uint64_t port = config_number(config, "dns_port") +
		config_number(config, "port_offset");
	size_t count = 0;
	for (size_t i = 0; i < servers->count; i++)
		if (servers->server[i].port != port ||
		    !attached_is_own(&servers->server[i]))
			servers->server[count++] = servers->server[i];
	servers->count = count;
}

/* The spans are the buffers' and the configuration's. */
static void
read_settings(const struct config *config, struct buffer *anchors,
	struct buffer *resolv_conf, struct resolver_settings *settings)
{
	struct span forwarders = span_from(config_text(config,
		"dns_forwarders"));
	read_file("dns_trust_anchor_file", anchors);
	read_file("dns_resolv_conf", resolv_conf);
	*settings = (struct resolver_settings){
		.are_forwarders = !span_is_empty(span_trim(forwarders)),
		.validation = read_validation(config),
		.anchors = buffer_span(anchors),
		.insecure = span_from(config_text(config,
		"dns_insecure_domains")),
		.cache_size = config_size(config, "dns_cache_size") };
	if (settings->are_forwarders)
		sources_read_forwarders(forwarders, &settings->servers);
	else
		sources_read_resolv_conf(buffer_span(resolv_conf),
			read_port(config), &settings->servers);
	leave_out_own(config, &settings->servers);
}

static void
configure_front(const struct config *config)
{
	struct span networks = span_trim(span_from(config_text(config,
		"dns_recursion_networks")));
	const struct front_settings settings = {
		.recursion_networks = !span_is_empty(networks) ? networks :
		span_from(config_text(config, "mynetworks")),
		.transfer_peers = span_from(config_text(config,
		"dns_allow_transfer")),
		.are_attached_included = span_is_empty(networks),
		.rate_limit = (unsigned)config_number(config,
		"dns_rate_limit"),
		.rate_slip = (unsigned)config_number(config,
		"dns_rate_limit_slip") };
	struct peers peers;
	peers_read(span_from(config_text(config, "dns_also_notify")), &peers);
	secrets_configure(process_file("dns_tsig_keys"), config_text(config,
		"dns_tsig_keys"));
	front_configure(&settings);
	notify_configure(&peers);
	secondary_configure(span_from(config_text(config,
		"dns_secondary_zones")));
	signer_configure(span_from(config_text(config, "dns_signed_zones")),
		(int64_t)config_duration(config, "dns_key_lifetime") / 1000);
}

static void
reload(const struct config *config)
{
	struct buffer anchors, resolv_conf;
	struct resolver_settings settings;
	configure_front(config);
	renew_all();
	read_settings(config, &anchors, &resolv_conf, &settings);
	resolver_configure(resolver, &settings);
	buffer_fini(&anchors);
	buffer_fini(&resolv_conf);
}

/* What cannot be read comes again: hostmaster knows it too, and the primaries. */
static void
remember(void)
{
	struct error error;
	if (remembered_open(process_file("dns_state_file"), &error) < 0)
		log_event(LOG_ERROR, "zones-not-remembered", NULL,
			LOG_TEXT("reason", error.text));
	if (kept_open(process_file("dns_secondary_file"), clock_wall() / 1000,
	    &error) < 0)
		log_event(LOG_ERROR, "zones-not-kept", NULL,
			LOG_TEXT("reason", error.text));
}

static int
open_all(const struct process *process, struct error *error)
{
	const struct jail jail = { .rights = JAIL_ACCEPT | JAIL_NETWORK |
		JAIL_THREADS };
	struct buffer anchors, resolv_conf;
	struct resolver_settings settings;
	if (attached_open(error) < 0)
		return -1;
	configure_front(process->config);
	recall_init(config_size(process->config, "dns_cache_size") / 4);
	remember();
	zones_set_current(zones_new());
	renew_all();
	read_settings(process->config, &anchors, &resolv_conf, &settings);
	int result = loopback_open(read_port(process->config),
		config_number(process->config, "dns_resolver_port") ==
		config_number(process->config, "dns_port"), error);
	if (result == 0)
		result = resolver_new(&settings, &resolver, error);
	buffer_fini(&anchors);
	buffer_fini(&resolv_conf);
	return result < 0 ? -1 : jail_enter(process, &jail, error);
}

static const struct service services[] = {
	{ "names-dns", inquirer_accept },
	{ "names-records", records_accept },
	{ "names-admin", operator_accept },
	{ "dns", inquirer_accept },
	{ "dns-world", inquirer_accept_past_zones },
	{ "domain", inquirer_accept_world },
	{ "domain-udp", datagram_accept },
	{ NULL, NULL },
};

static void
say_zone(void *context, const struct dns_name *origin,
	const struct error *error)
{
	bool *is_wrong = context;
	(void)origin;
	if (!*is_wrong)
		printf("%s\n", error->text);
	*is_wrong = true;
}

static int
check(void)
{
	struct buffer files;
	struct error error;
	bool is_wrong = false;
	buffer_init(&files, 0);
	if (file_read_descriptor(0, ZONES_LIMIT, &files, &error) < 0) {
		printf("dns_zones: %s\n", error.text);
		return 1;
	}
	struct zones *zones = zone_source_read_files(buffer_span(&files),
		NULL, say_zone, &is_wrong);
	zones_free(&zones);
	buffer_fini(&files);
	return is_wrong ? 1 : 0;
}

int
main(int argc, char **argv)
{
	struct error error;
	if (argc == 2 && strcmp(argv[1], "--check") == 0)
		return check();
	struct process *process = process_start(argc, argv);
	if (open_all(process, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	struct lot *lot = lot_new(WORKERS);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	listener_on_settle(lot, signer_settle);
	front_init(resolver);
	inquirer_init();
	/* before the threads that have something to tell */
	if (notify_init(lot, &error) < 0)
		log_event(LOG_ERROR, "notify-not-open", NULL,
			LOG_TEXT("reason", error.text));
	secondary_start();
	signer_start(lot, resolver);
	resolver_start(resolver);
	loopback_serve(lot);
	lot_run(lot, STOP_GRACE);
	signer_stop();
	lot_free(&lot);
	resolver_free(&resolver);
	loopback_close();
	attached_close();
	remembered_close();
	return 0;
}
