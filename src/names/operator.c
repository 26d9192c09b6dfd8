/* See operator.h. */
#include "names/operator.h"

#include "base/log.h"
#include "names/signer.h"
#include "serve/admin.h"

/* Of KEY-LIST; with an origin only its own. */
struct listing {
	struct admin_call *call;
	const struct dns_name *origin;
};

static void
list_key(void *context, const struct signer_key *key)
{
	const struct listing *listing = context;
	struct admin_call *call = listing->call;
	char name[DNS_TEXT_SIZE];
	struct buffer digest;
	if (listing->origin != NULL &&
	    !dns_name_equals(listing->origin, &key->origin))
		return;
	dns_name_to_text(&key->origin, name);
	admin_row_begin(call);
	admin_row_field(call, "origin", span_from(name));
	admin_row_field(call, "key", span_from(key->name));
	admin_row_field(call, "state", span_from(key->state));
	admin_row_field(call, "phase", span_from(key->phase));
	admin_row_field(call, "ds", span_from(key->seen));
	if (key->ds_size > 4) {
		buffer_init(&digest, 0);
		buffer_add_hex(&digest, span_of(key->ds + 4,
			key->ds_size - 4));
		admin_row_number(call, "tag", key->tag);
		admin_row_number(call, "algorithm", key->ds[2]);
		admin_row_number(call, "digest-type", key->ds[3]);
		admin_row_field(call, "digest", buffer_span(&digest));
		buffer_fini(&digest);
	}
	admin_row_number(call, "serial", key->serial);
	admin_row_number(call, "due", key->due < 0 ? 0 :
		(uint64_t)key->due);
	admin_row_end(call);
}

static void
list_keys(struct admin_call *call)
{
	struct dns_name origin;
	struct span text = SPAN("");
	struct listing listing = { .call = call };
	tabline_get(call->fields, 2, "origin", &text);
	if (text.size > 0) {
		if (!dns_name_from_text(text, &origin)) {
			admin_fail(call, "%.*s is no name of a zone",
				SPAN_PRINT(text));
			return;
		}
		listing.origin = &origin;
	}
	/* after a start it asks `key` for the keys first */
	signer_wait();
	signer_walk(list_key, &listing);
}

static void
roll(struct admin_call *call, bool is_told)
{
	struct dns_name origin;
	struct span text;
	if (!admin_need(call, "origin", &text))
		return;
	if (!dns_name_from_text(text, &origin) ||
	    !signer_roll(&origin, is_told)) {
		admin_fail(call, "%.*s is no zone that is signed here",
			SPAN_PRINT(text));
		return;
	}
	log_event(LOG_INFO, is_told ? "zone-ds-told" : "zone-roll-asked", NULL,
		LOG_SPAN("zone", text));
}

static void
roll_key(struct admin_call *call)
{
	roll(call, false);
}

static void
tell_ds(struct admin_call *call)
{
	roll(call, true);
}

static const struct admin_command commands[] = {
	{ "KEY-LIST", list_keys },
	{ "KEY-ROLL", roll_key },
	{ "KEY-TOLD", tell_ds },
	{ NULL, NULL },
};

void
operator_accept(struct lot *lot, struct incoming *incoming)
{
	static const struct admin_server server = { .commands = commands };
	admin_accept(lot, incoming, &server);
}
