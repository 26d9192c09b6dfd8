#include "hostmaster/service.h"

#include "base/clock.h"
#include "hostmaster/domains.h"
#include "hostmaster/hostmaster.h"
#include "serve/admin.h"

struct hostmaster hostmaster;

/* DOMAIN-LIST: whose records are kept right. */
static void
list_domains(struct admin_call *call)
{
	struct domains domains;
	struct error error;
	if (domains_ask(hostmaster.auth, clock_monotonic() +
	    HOSTMASTER_PATIENCE, call->arena, &domains, &error) < 0) {
		admin_fail(call, "%s", error.text);
		return;
	}
	for (size_t i = 0; i < domains.count; i++) {
		admin_row_begin(call);
		admin_row_field(call, "domain", domains.row[i].name);
		admin_row_field(call, "source", domains.row[i].is_configured ?
			SPAN("mydestination") : SPAN("domain add"));
		if (!admin_row_end(call))
			return;
	}
	admin_ok(call);
}

static const struct admin_command commands[] = {
	{ "DOMAIN-LIST", list_domains },
	{ NULL, NULL },
};

static const struct admin_server server = { .commands = commands };

void
service_accept_admin(struct lot *lot, struct incoming *incoming)
{
	admin_accept(lot, incoming, &server);
}
