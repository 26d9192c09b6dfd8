/*
 * names: the resolver. It asks the DNS for the others, validates what comes
 * (RFC 4035), and keeps it in a cache. Its answers are believed by programs of
 * ours because they come over a wire that master made; it believes nobody. It
 * reads neither /etc/hosts nor any other file once it serves.
 *
 * What it opens: the loopback port (dns_resolver_port). master opens for it
 * dns_trust_anchor_file and dns_resolv_conf. Its jail has no files but the
 * network.
 */
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "names/inquirer.h"
#include "names/loopback.h"
#include "serve/jail.h"

enum { WORKERS = 4, STOP_GRACE = 2000 };

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
}

static void
reload(const struct config *config)
{
	struct buffer anchors, resolv_conf;
	struct resolver_settings settings;
	read_settings(config, &anchors, &resolv_conf, &settings);
	resolver_configure(resolver, &settings);
	buffer_fini(&anchors);
	buffer_fini(&resolv_conf);
}

static int
open_all(const struct process *process, struct error *error)
{
	const struct jail jail = { .rights = JAIL_ACCEPT | JAIL_NETWORK |
		JAIL_THREADS };
	struct buffer anchors, resolv_conf;
	struct resolver_settings settings;
	read_settings(process->config, &anchors, &resolv_conf, &settings);
	int result = loopback_open(read_port(process->config), error);
	if (result == 0)
		result = resolver_new(&settings, &resolver, error);
	buffer_fini(&anchors);
	buffer_fini(&resolv_conf);
	return result < 0 ? -1 : jail_enter(process, &jail, error);
}

static const struct service services[] = {
	{ "names-dns", inquirer_accept },
	{ "dns", inquirer_accept },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	struct process *process = process_start(argc, argv);
	if (open_all(process, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	struct lot *lot = lot_new(WORKERS);
	listener_set_services(lot, services);
	listener_on_reload(lot, reload);
	inquirer_init(resolver);
	resolver_start(resolver);
	loopback_serve(lot, resolver);
	lot_run(lot, STOP_GRACE);
	lot_free(&lot);
	resolver_free(&resolver);
	loopback_close();
	return 0;
}
