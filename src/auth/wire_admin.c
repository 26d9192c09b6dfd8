/*
 * auth-admin: the operator's command changes and lists users, domains and
 * aliases (ARCHITECTURE.md 2.5). Each request is answered by rows and an OK, or
 * by a FAIL with a sentence for the operator.
 */
#include <string.h>

#include "auth/accounts_list.h"
#include "auth/auth.h"
#include "auth/wire.h"
#include "base/log.h"

/* Logs what was changed, and by which words; passwords are not among them. */
static void
log_change(const struct wire_request *request)
{
	log_event(LOG_INFO, "accounts-changed", NULL,
		LOG_SPAN("command", request->fields.field[0]),
		LOG_SPAN("address", wire_get(request, "address")),
		LOG_SPAN("domain", wire_get(request, "domain")),
		LOG_SPAN("target", wire_get(request, "target")));
}

/* OK or FAIL of a change that has nothing more to say. */
static void
finish(struct wire_request *request, int result, const struct error *error)
{
	if (result != 0) {
		wire_fail(request, error);
		return;
	}
	log_change(request);
	wire_answer(request, "OK");
	wire_end(request);
}

static void
end_list(struct wire_request *request, int result, const struct error *error)
{
	if (result != 0) {
		wire_fail(request, error);
		return;
	}
	wire_answer(request, "OK");
	wire_end(request);
}

/* ---- users ---- */

static void
add_user(struct wire_request *request)
{
	struct error error;
	uint64_t id;
	bool added_domain = false;
	struct span address = wire_get(request, "address");
	int result = wire_has(request, "hash") ?
		accounts_import_user(auth.accounts, address,
		wire_get(request, "hash"), &id, &added_domain, &error) :
		accounts_add_user(auth.accounts, address,
		wire_get(request, "password"), &id, &added_domain, &error);
	if (result != 0) {
		wire_fail(request, &error);
		return;
	}
	log_change(request);
	wire_answer(request, "OK");
	wire_add_id(request, "account", id);
	if (added_domain) {
		size_t at = address.size;
		while (at > 0 && address.data[at - 1] != '@')
			at--;
		wire_add(request, "added-domain", span_skip(address, at));
	}
	wire_end(request);
}

static void
delete_user(struct wire_request *request)
{
	struct error error;
	uint64_t id;
	if (accounts_delete_user(auth.accounts, wire_get(request, "address"),
		&id, &error) != 0) {
		wire_fail(request, &error);
		return;
	}
	log_change(request);
	wire_answer(request, "OK");
	wire_add_id(request, "account", id);
	wire_end(request);
}

static void
set_password(struct wire_request *request)
{
	struct error error;
	int result = accounts_set_password(auth.accounts,
		wire_get(request, "address"), wire_get(request, "password"),
		&error);
	finish(request, result, &error);
}

static void
add_user_row(struct wire_request *request,
	const struct accounts_user_row *row)
{
	wire_answer(request, "ROW");
	wire_add(request, "address", row->address);
	wire_add_id(request, "account", row->id);
	wire_add_number(request, "quota", row->quota);
	if (!row->has_own_quota)
		wire_add(request, "quota-from", SPAN("mailbox_quota"));
	wire_add(request, "over", row->is_over ? SPAN("yes") : SPAN("no"));
	if (!row->has_password)
		wire_add(request, "password", SPAN("none"));
	wire_end(request);
}

/* All, or the one whose address is given. */
static void
list_users(struct wire_request *request)
{
	struct accounts_user_row *rows;
	struct account account;
	size_t count, shown = 0;
	struct error error;
	struct span only = wire_get(request, "address");
	int result = accounts_list_users(auth.accounts, request->arena, &rows,
		&count, &error);
	uint64_t id = 0;
	if (result == 0 && only.size > 0 && accounts_find_address(
		auth.accounts, only, request->arena, &account, &error) ==
		ACCOUNTS_FOUND)
		id = account.id;
	for (size_t i = 0; result == 0 && i < count; i++) {
		if (only.size > 0 && rows[i].id != id)
			continue;
		add_user_row(request, &rows[i]);
		shown++;
	}
	if (result == 0 && only.size > 0 && shown == 0)
		result = error_set(&error, ERROR_GONE,
			"there is no account %.*s", SPAN_PRINT(only));
	end_list(request, result, &error);
}

static void
set_quota(struct wire_request *request)
{
	struct error error;
	struct span bytes = wire_get(request, "bytes");
	uint64_t number = 0;
	bool is_standard = span_equals(bytes, SPAN("default"));
	if (bytes.data == NULL) {
		list_users(request);
		return;
	}
	int result = 0;
	if (!is_standard && !span_to_number(bytes, INT64_MAX, &number))
		result = error_set(&error, ERROR_USAGE, "\"%.*s\" is not a "
			"number of bytes", SPAN_PRINT(span_first(bytes, 40)));
	if (result == 0)
		result = accounts_set_quota(auth.accounts,
			wire_get(request, "address"), !is_standard, number,
			&error);
	finish(request, result, &error);
}

/* ---- domains ---- */

static void
add_domain(struct wire_request *request)
{
	struct error error;
	int result = accounts_add_domain(auth.accounts,
		wire_get(request, "domain"), &error);
	finish(request, result, &error);
}

static void
delete_domain(struct wire_request *request)
{
	struct error error;
	int result = accounts_delete_domain(auth.accounts,
		wire_get(request, "domain"), &error);
	finish(request, result, &error);
}

static void
list_domains(struct wire_request *request)
{
	struct accounts_domain_row *rows;
	size_t count = 0;
	struct error error;
	int result = accounts_list_domains(auth.accounts, request->arena,
		&rows, &count, &error);
	for (size_t i = 0; result == 0 && i < count; i++) {
		wire_answer(request, "ROW");
		wire_add(request, "domain", rows[i].domain);
		wire_add_number(request, "accounts", rows[i].users);
		wire_add_number(request, "aliases", rows[i].aliases);
		wire_add(request, "source", rows[i].is_configured ?
			SPAN("mydestination") : SPAN("domain add"));
		wire_end(request);
	}
	end_list(request, result, &error);
}

/* ---- aliases ---- */

static void
add_alias(struct wire_request *request)
{
	struct error error;
	int result = accounts_add_alias(auth.accounts,
		wire_get(request, "address"), wire_get(request, "target"),
		&error);
	finish(request, result, &error);
}

static void
delete_alias(struct wire_request *request)
{
	struct error error;
	int result = accounts_delete_alias(auth.accounts,
		wire_get(request, "address"), wire_get(request, "target"),
		&error);
	finish(request, result, &error);
}

static void
list_aliases(struct wire_request *request)
{
	struct accounts_alias_row *rows;
	size_t count = 0;
	struct error error;
	int result = accounts_list_aliases(auth.accounts, request->arena,
		&rows, &count, &error);
	for (size_t i = 0; result == 0 && i < count; i++) {
		wire_answer(request, "ROW");
		wire_add(request, "address", rows[i].address);
		wire_add(request, "target", rows[i].target);
		wire_end(request);
	}
	end_list(request, result, &error);
}

static const struct wire_command commands[] = {
	{ "USER-ADD", 2, "command", add_user },
	{ "USER-DELETE", 2, "command", delete_user },
	{ "USER-LIST", 2, "command", list_users },
	{ "USER-PASSWORD", 2, "command", set_password },
	{ "USER-QUOTA", 2, "command", set_quota },
	{ "DOMAIN-ADD", 2, "command", add_domain },
	{ "DOMAIN-DELETE", 2, "command", delete_domain },
	{ "DOMAIN-LIST", 2, "command", list_domains },
	{ "ALIAS-ADD", 2, "command", add_alias },
	{ "ALIAS-DELETE", 2, "command", delete_alias },
	{ "ALIAS-LIST", 2, "command", list_aliases },
	{ "ALIASES-BEGIN", 2, "command", wire_aliases_begin },
	{ "ALIASES-PART", 3, "command", wire_aliases_part },
	{ "ALIASES-END", 2, "command", wire_aliases_end },
	{ NULL, 0, NULL, NULL },
};

const struct wire_service wire_admin = { "auth-admin", commands, NULL };

/* ---- auth-domains, for hostmaster and web ---- */

static const struct wire_command domain_commands[] = {
	{ "DOMAINS", 2, NULL, list_domains },
	{ NULL, 0, NULL, NULL },
};

const struct wire_service wire_domains = { "auth-domains", domain_commands,
	NULL };
