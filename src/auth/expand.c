/*
 * Where mail for an address goes: aliases followed to accounts and to
 * addresses elsewhere (RFC 5321 3.9.1), breadth first, each name once. Runs in
 * auth. Names are looked up in this order: the whole address, the address
 * without its detail, postmaster (RFC 5321 4.5.1). Built-in aliases come first,
 * then virtual_alias_maps, alias_maps, accounts: what virtual(5), local(8) of Postfix do.
 */
#include <string.h>

#include "auth/accounts_private.h"
#include "base/config.h"

enum { VISIT_LIMIT = 2 * ACCOUNTS_TARGET_LIMIT };

/* A name still to be looked at. */
struct visit {
	struct parsed_name parsed;
	unsigned depth;
	bool is_itself;		/* the alias of this name names it: the account */
	bool is_here;		/* plain "postmaster": ours whatever myorigin is */
	bool is_final;		/* alias_maps is not asked: \user, or itself */
	bool is_user;		/* \user: nor his .forward */
	struct span sender;	/* of the last alias on the way that has an owner */
};

struct expander {
	struct accounts *accounts;
	struct arena *arena;
	struct error *error;
	struct map seen;		/* normalised names and account ids */
	struct visit *visit;		/* a queue, at most VISIT_LIMIT */
	size_t first, end;
	struct accounts_expansion *out;
	bool is_reversed;		/* a report came back to whom we forwarded */
	bool has_dangling;		/* an alias names somebody who is not there */
};

static enum accounts_verdict
fail(struct expander *expander, const char *what)
{
	error_set(expander->error, ERROR_DAMAGED, "the aliases of %.*s %s",
		SPAN_PRINT(expander->visit[0].parsed.written), what);
	return ACCOUNTS_TROUBLE;
}

static bool
is_seen(struct expander *expander, struct span key)
{
	return map_put(&expander->seen, key, expander) != NULL;
}

/*
 * The array with room for one more: rooms are 4, 8, 16... The old one stays
 * readable as long as the arena.
 */
static void *
grow(struct arena *arena, void *array, size_t count, size_t size)
{
	if (count == 0)
		return arena_new_array(arena, 4, size);
	if (count < 4 || (count & (count - 1)) != 0)
		return array;
	void *larger = arena_new_array(arena, count * 2, size);
	memcpy(larger, array, count * size);
	return larger;
}

static bool
add_target(struct expander *expander, const struct accounts_target *target)
{
	struct accounts_expansion *out = expander->out;
	if (out->count == ACCOUNTS_TARGET_LIMIT)
		return false;
	out->target = grow(expander->arena, out->target, out->count,
		sizeof(*out->target));
	out->target[out->count++] = *target;
	return true;
}

static bool
add_visit(struct expander *expander, const struct visit *visit)
{
	if (expander->end == VISIT_LIMIT)
		return false;
	expander->visit = grow(expander->arena, expander->visit,
		expander->end, sizeof(*expander->visit));
	expander->visit[expander->end++] = *visit;
	return true;
}

static bool
add_account(struct expander *expander, const struct visit *visit,
	const struct account *account)
{
	char key[9] = { '\0' };		/* no address begins with NUL */
	memcpy(key + 1, &account->id, sizeof(account->id));
	if (is_seen(expander, span_of(key, sizeof(key))))
		return true;
	return add_target(expander, &(struct accounts_target){
		.is_local = true,
		.account = account->id,
		.quota = account->quota,
		.is_over = account->is_over,
		.is_final = visit->is_user,
		.sender = visit->sender,
		.address = visit->parsed.written,
	});
}

/* The local part without its detail in *base; true when it has one. */
static bool
split(struct expander *expander, const struct parsed_name *parsed,
	struct span *base)
{
	struct span detail, local = span_first(parsed->name,
		parsed->name.size - parsed->domain.size - 1);
	pthread_mutex_lock(&expander->accounts->cache_lock);
	bool has_detail = address_split_detail(local,
		expander->accounts->delimiters, base, &detail);
	pthread_mutex_unlock(&expander->accounts->cache_lock);
	return has_detail;
}

static struct span
join(struct expander *expander, struct span local, struct span domain)
{
	return arena_print(expander->arena, "%.*s@%.*s", SPAN_PRINT(local),
		SPAN_PRINT(domain));
}

/* The name an address is known by: 1, 0 or -1 as accounts_get_name. */
static int
find_name(struct expander *expander, const struct parsed_name *parsed,
	struct name *name)
{
	struct accounts *accounts = expander->accounts;
	struct span base;
	int found = accounts_get_name(accounts, parsed->name, expander->arena,
		name, expander->error);
	expander->out->is_brief |= name->is_brief;
	if (found != 0)
		return found;
	if (split(expander, parsed, &base)) {
		found = accounts_get_name(accounts, join(expander, base,
			parsed->domain), expander->arena, name,
			expander->error);
		expander->out->is_brief |= name->is_brief;
	}
	if (found == 0 && span_equals(base, SPAN("postmaster")) &&
		!accounts_is_of_system(accounts, parsed->domain)) {
		found = accounts_get_postmaster(accounts, expander->arena,
			name, expander->error);
		if (found == 0)
			return error_set(expander->error, ERROR_GONE,
				"there is no account that could read the mail "
				"of postmaster");
	}
	return found;
}

static bool
is_too_deep(const struct visit *visit)
{
	return visit->depth == ACCOUNTS_DEPTH_LIMIT;
}

/* A target of an alias joins the queue; false: there are too many. */
static bool
follow_one(struct expander *expander, const struct visit *visit,
	struct span text)
{
	struct visit next = { .depth = visit->depth + 1,
		.sender = visit->sender };
	if (!accounts_parse(expander->accounts, text, expander->arena,
		&next.parsed)) {
		expander->has_dangling = true;
		return true;
	}
	next.is_itself = span_equals(next.parsed.name, visit->parsed.name);
	return (!next.is_itself && is_seen(expander, next.parsed.name)) ||
		add_visit(expander, &next);
}

static enum accounts_verdict
follow(struct expander *expander, const struct visit *visit,
	const struct name *name)
{
	if (is_too_deep(visit))
		return fail(expander, "are nested too deeply");
	for (size_t i = 0; i < name->target_count; i++)
		if (!follow_one(expander, visit, name->target[i]))
			return fail(expander, "have too many targets");
	return ACCOUNTS_FOUND;
}

/* ---- virtual_alias_maps ---- */

/* A domain that is a key is ours, though it has no accounts (virtual(5)). */
static bool
is_ours(struct expander *expander, const struct parsed_name *parsed)
{
	struct accounts *accounts = expander->accounts;
	struct span value;
	struct error error;
	if (accounts_is_ours(accounts, parsed->domain))
		return true;
	pthread_rwlock_rdlock(&accounts->virtual_lock);
	bool found = accounts->virtual_tables != NULL && virtual_find(
		accounts->virtual_tables, parsed->domain, true,
		expander->arena, &value, &error) == 1;
	pthread_rwlock_unlock(&accounts->virtual_lock);
	return found;
}

/* The keys of virtual(5), in its order. */
static int
find_keys(struct expander *expander, const struct parsed_name *parsed,
	struct span *value, struct span *extension)
{
	struct accounts *accounts = expander->accounts;
	const struct virtual_tables *tables = accounts->virtual_tables;
	struct arena *arena = expander->arena;
	struct span base, detail, local = span_first(parsed->name,
		parsed->name.size - parsed->domain.size - 1);
	bool is_bare = accounts_is_configured(accounts, parsed->domain);
	pthread_mutex_lock(&accounts->cache_lock);
	bool has_detail = address_split_detail(local, accounts->delimiters,
		&base, &detail);
	pthread_mutex_unlock(&accounts->cache_lock);
	const struct span keys[] = { parsed->name,
		has_detail ? arena_print(arena, "%.*s@%.*s", SPAN_PRINT(base),
			SPAN_PRINT(parsed->domain)) : SPAN(""),
		is_bare ? local : SPAN(""),
		is_bare && has_detail ? base : SPAN(""),
		arena_print(arena, "@%.*s", SPAN_PRINT(parsed->domain)) };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int found = keys[i].size == 0 ? 0 : virtual_find(tables,
			keys[i], i == 0, arena, value, expander->error);
		if (found == 1 && (i == 1 || i == 3))
			*extension = span_skip(local, base.size);
		if (found != 0)
			return found;
	}
	return 0;
}

static int
find_virtual(struct expander *expander, const struct visit *visit,
	struct span *value, struct span *extension)
{
	struct accounts *accounts = expander->accounts;
	if (visit->is_itself)
		return 0;
	pthread_rwlock_rdlock(&accounts->virtual_lock);
	int found = accounts->virtual_tables == NULL ? 0 :
		find_keys(expander, &visit->parsed, value, extension);
	pthread_rwlock_unlock(&accounts->virtual_lock);
	return found;
}

/* The detail that a key did not have goes on (propagate_unmatched_extensions of
 * Postfix). */
static struct span
extend(struct expander *expander, struct span item, struct span extension)
{
	size_t at = item.size;
	while (at > 0 && item.data[at - 1] != '@')
		at--;
	size_t local = at > 0 ? at - 1 : item.size;
	return extension.size == 0 ? item : arena_print(expander->arena,
		"%.*s%.*s%.*s", SPAN_PRINT(span_first(item, local)),
		SPAN_PRINT(extension), SPAN_PRINT(span_skip(item, local)));
}

/* The addresses right of a key, "@domain" for the same name there. */
static enum accounts_verdict
follow_virtual(struct expander *expander, const struct visit *visit,
	struct span value, struct span extension)
{
	struct span item, local = span_first(visit->parsed.name,
		visit->parsed.name.size - visit->parsed.domain.size - 1);
	if (is_too_deep(visit))
		return fail(expander, "are nested too deeply");
	while (config_next_item(&value, &item)) {
		if (item.data[0] == '@')
			item = arena_print(expander->arena, "%.*s%.*s",
				SPAN_PRINT(local), SPAN_PRINT(item));
		else
			item = extend(expander, item, extension);
		if (!follow_one(expander, visit, item))
			return fail(expander, "have too many targets");
	}
	return ACCOUNTS_FOUND;
}

/* ---- alias_maps ---- */

struct file_alias {
	struct span name;		/* as found, without a domain */
	struct alias_target *target;
	size_t count;
};

/* Local parts of addresses in mydestination, whole and without detail: what
 * local(8) of Postfix looks up before it looks for a mailbox. */
static bool
find_in_files(struct expander *expander, const struct visit *visit,
	struct file_alias *alias)
{
	struct accounts *accounts = expander->accounts;
	const struct parsed_name *parsed = &visit->parsed;
	struct span detail, local = span_first(parsed->name,
		parsed->name.size - parsed->domain.size - 1);
	bool found = false;
	if (visit->is_final || (!visit->is_here &&
		!accounts_is_configured(accounts, parsed->domain)))
		return false;
	alias->name = local;
	pthread_mutex_lock(&accounts->cache_lock);
	if (accounts->uses_aliases && accounts->aliases != NULL) {
		found = alias_table_find(accounts->aliases, local,
			expander->arena, &alias->target, &alias->count);
		if (!found && address_split_detail(local,
			accounts->delimiters, &alias->name, &detail))
			found = alias_table_find(accounts->aliases,
				alias->name, expander->arena, &alias->target,
				&alias->count);
	}
	pthread_mutex_unlock(&accounts->cache_lock);
	return found;
}

/* A name without a domain is one of ours: at myorigin when that is, else where
 * the alias was looked up. */
static bool
parse_target(struct expander *expander, const struct visit *visit,
	struct span text, struct parsed_name *parsed)
{
	struct accounts *accounts = expander->accounts;
	struct address address;
	struct buffer whole;
	if (!accounts_parse(accounts, text, expander->arena, parsed) ||
		address_parse(text, expander->arena, &address) != ADDRESS_OK)
		return false;
	if (address.domain.size > 0 || accounts_is_ours(accounts,
		parsed->domain))
		return true;
	address.domain = visit->parsed.domain;
	buffer_init(&whole, 0);
	address_format(&whole, &address);
	bool ok = accounts_parse(accounts, arena_copy(expander->arena,
		buffer_span(&whole)), expander->arena, parsed);
	buffer_fini(&whole);
	return ok;
}

/*
 * A list NAME whose owner is an alias too, owner-NAME: what goes wrong with the
 * list's members is the owner's business, not that of who wrote (local(8) of
 * Postfix). Lists within it keep that, unless they have owners of their own. The
 * owner's address has none, nor has the address of requests, so that nothing
 * turns round.
 */
static struct span
find_owner(struct expander *expander, const struct visit *visit,
	const struct file_alias *alias)
{
	struct accounts *accounts = expander->accounts;
	struct alias_target *target;
	struct parsed_name parsed;
	const struct span request = SPAN("-request");
	size_t count, size = alias->name.size;
	if (span_starts(alias->name, SPAN("owner-")) || (size > request.size &&
		span_equals(span_skip(alias->name, size - request.size),
		request)))
		return visit->sender;
	struct span name = arena_print(expander->arena, "owner-%.*s",
		SPAN_PRINT(alias->name));
	pthread_mutex_lock(&accounts->cache_lock);
	bool found = accounts->aliases != NULL && alias_table_find(
		accounts->aliases, name, expander->arena, &target, &count);
	pthread_mutex_unlock(&accounts->cache_lock);
	return found && parse_target(expander, visit, name, &parsed) ?
		parsed.written : visit->sender;
}

/* It is delivered under the alias's address, which is all that others hear. */
static enum accounts_verdict
add_program(struct expander *expander, const struct visit *visit,
	const struct file_alias *alias, const struct alias_target *target)
{
	struct span key = arena_print(expander->arena, "\t%.*s %u",
		SPAN_PRINT(alias->name), target->index);
	if (target->owner == ALIAS_TABLE_NOBODY) {
		error_set(expander->error, ERROR_LATER, "the alias %.*s names "
			"a program or a file, and newaliases must be run again",
			SPAN_PRINT(alias->name));
		return ACCOUNTS_TROUBLE;
	}
	if (is_seen(expander, key))	/* no address begins with a tab */
		return ACCOUNTS_FOUND;
	return add_target(expander, &(struct accounts_target){
		.is_program = true, .owner = target->owner,
		.index = target->index, .key = alias->name,
		.sender = visit->sender, .address = visit->parsed.written,
	}) ? ACCOUNTS_FOUND : fail(expander, "have too many targets");
}

static bool
add_address(struct expander *expander, const struct visit *visit,
	const struct alias_target *target)
{
	struct visit next = { .depth = visit->depth + 1,
		.sender = visit->sender };
	if (!parse_target(expander, visit, target->text, &next.parsed)) {
		expander->has_dangling = true;
		return true;
	}
	bool is_same = span_equals(next.parsed.name, visit->parsed.name);
	next.is_user = target->kind == ALIAS_USER;
	next.is_final = next.is_user || is_same;
	next.is_itself = next.is_user || (is_same && visit->is_itself);
	if (!next.is_final && is_seen(expander, next.parsed.name))
		return true;
	return add_visit(expander, &next);
}

/* The targets of an alias of alias_maps join the queue. One that names itself
 * is the account of that name, as everywhere. */
static enum accounts_verdict
follow_files(struct expander *expander, const struct visit *visit,
	const struct file_alias *alias)
{
	struct visit from = *visit;
	enum accounts_verdict verdict = ACCOUNTS_FOUND;
	if (is_too_deep(visit))
		return fail(expander, "are nested too deeply");
	from.sender = find_owner(expander, visit, alias);
	for (size_t i = 0; i < alias->count && verdict == ACCOUNTS_FOUND; i++) {
		const struct alias_target *target = &alias->target[i];
		if (target->kind == ALIAS_PROGRAM ||
			target->kind == ALIAS_FILE)
			verdict = add_program(expander, &from, alias, target);
		else if (!add_address(expander, &from, target))
			return fail(expander, "have too many targets");
	}
	return verdict;
}

/* SRS0=... is the sender of mail that was forwarded. */
static bool
add_reversed(struct expander *expander, const struct visit *visit, bool *fits)
{
	struct span address;
	if (!accounts_reverse(expander->accounts, visit->parsed.written,
		expander->arena, &address))
		return false;
	expander->is_reversed = true;
	*fits = add_target(expander, &(struct accounts_target){
		.address = address });
	return true;
}

/* The account of a name that is no alias, the system's users among them: the
 * whole name, or what is before its detail. 1, 0 or -1. */
static int
find_account(struct expander *expander, const struct parsed_name *parsed,
	struct name *name)
{
	struct accounts *accounts = expander->accounts;
	struct span base;
	int found = accounts_get_account(accounts, parsed->name, name,
		expander->error);
	if (found == 0 && split(expander, parsed, &base))
		found = accounts_get_account(accounts, join(expander, base,
			parsed->domain), name, expander->error);
	expander->out->is_brief |= name->is_brief;
	return found;
}

/* Where users of the system have mail, postmaster is root unless he is somebody
 * (RFC 5321 4.5.1). */
static bool
is_postmaster(struct expander *expander, const struct parsed_name *parsed)
{
	struct span base;
	split(expander, parsed, &base);
	return span_equals(base, SPAN("postmaster")) &&
		accounts_is_of_system(expander->accounts, parsed->domain);
}

static enum accounts_verdict
visit_account(struct expander *expander, const struct visit *visit,
	struct name *name)
{
	const struct parsed_name *parsed = &visit->parsed;
	bool fits = true;
	int found = find_account(expander, parsed, name);
	if (found < 0)
		return ACCOUNTS_TROUBLE;
	if (found == 1)
		fits = add_account(expander, visit, &name->account);
	else if (is_postmaster(expander, parsed) && !is_too_deep(visit))
		fits = follow_one(expander, visit, join(expander,
			SPAN("root"), parsed->domain));
	else
		expander->has_dangling = true;
	return fits ? ACCOUNTS_FOUND : fail(expander, "have too many targets");
}

static enum accounts_verdict
visit_one(struct expander *expander, const struct visit *visit)
{
	struct name name;
	struct file_alias alias;
	struct span value, extension = { NULL, 0 };
	bool fits = true;
	if (!visit->is_here &&
		!is_ours(expander, &visit->parsed)) {
		fits = add_target(expander, &(struct accounts_target){
			.sender = visit->sender,
			.address = visit->parsed.written });
		return fits ? ACCOUNTS_FOUND :
			fail(expander, "have too many targets");
	}
	int found = find_name(expander, &visit->parsed, &name);
	if (found < 0)
		return ACCOUNTS_TROUBLE;
	if (found == 1 && name.target_count > 0 && !visit->is_itself)
		return follow(expander, visit, &name);
	int is_virtual = find_virtual(expander, visit, &value,
		&extension);
	if (is_virtual != 0)
		return is_virtual < 0 ? ACCOUNTS_TROUBLE :
			follow_virtual(expander, visit, value, extension);
	if (find_in_files(expander, visit, &alias))
		return follow_files(expander, visit, &alias);
	if (found == 0 && visit->depth == 0 && add_reversed(expander, visit,
		&fits))
		return fits ? ACCOUNTS_FOUND :
			fail(expander, "have too many targets");
	return visit_account(expander, visit, &name);
}

/* Nothing is left: nobody is there, unless loops of aliases ate it all. */
static enum accounts_verdict
judge(struct expander *expander)
{
	if (expander->out->count > 0)
		return expander->out->target[0].is_local ||
			expander->out->target[0].is_program ||
			expander->end > 1 || expander->is_reversed ?
			ACCOUNTS_FOUND : ACCOUNTS_REMOTE;
	if (expander->has_dangling)
		return ACCOUNTS_NOT_FOUND;
	return fail(expander, "only lead to each other");
}

enum accounts_verdict
accounts_expand(struct accounts *accounts, struct span address,
	struct arena *arena, struct accounts_expansion *expansion,
	struct error *error)
{
	struct expander expander = { .accounts = accounts, .arena = arena,
		.error = error, .out = expansion };
	enum accounts_verdict verdict = ACCOUNTS_FOUND;
	struct visit first = { 0 };
	*expansion = (struct accounts_expansion){ 0 };
	if (!accounts_parse(accounts, address, arena, &first.parsed))
		return ACCOUNTS_NOT_FOUND;
	first.is_here = span_equals_nocase(address, SPAN("postmaster"));
	map_init(&expander.seen);
	is_seen(&expander, first.parsed.name);
	add_visit(&expander, &first);
	while (verdict == ACCOUNTS_FOUND && expander.first < expander.end)
		verdict = visit_one(&expander,
			&expander.visit[expander.first++]);
	map_fini(&expander.seen);
	return verdict == ACCOUNTS_FOUND ? judge(&expander) : verdict;
}
