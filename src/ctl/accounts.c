/*
 * posthouse user, domain and alias: requests to auth, which alone writes the
 * account database. Without a running system auth is started for the request.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/admin.h"
#include "ctl/password.h"

static const char service[] = "auth-admin";

/* ---- users ---- */

/* A mistyped domain would be noticed only when mail to it stays here. */
static void
tell_domain(void *context, const struct tabline *row)
{
	struct ctl *ctl = context;
	struct span domain;
	if (!tabline_get(row, 2, "added-domain", &domain))
		return;
	if (!ctl->json)
		printf("%.*s is a domain of this system from now on\n",
			SPAN_PRINT(domain));
	admin_refresh_records(ctl);
}

static int
send_password(struct ctl *ctl, const char *command, const char *address)
{
	struct buffer password;
	struct error error;
	buffer_init(&password, 0);
	int result = password_read(address, &password, &error);
	if (result < 0) {
		result = ctl_fail_error(&error);
	} else {
		const char *fields[] = { "address", address, "password",
			buffer_string(&password), NULL };
		result = admin_each(ctl, service, 0, command, fields, NULL,
			tell_domain, ctl);
	}
	if (password.data != NULL)
		explicit_bzero(password.data, password.room);
	buffer_fini(&password);
	return result;
}

/* Lines "ADDRESS PASSWORD" or "ADDRESS HASH" of standard input, over one wire;
 * `key`: "password" or "hash". */
static int
add_many(struct ctl *ctl, const char *key)
{
	char *line = NULL;
	size_t room = 0, count = 0;
	ssize_t size;
	struct error error;
	struct system_wire wire;
	int result = ctl_load_config(ctl);
	if (result != 0)
		return result;
	if (system_wire_open(ctl->config, service, 0, &wire, &error) < 0)
		return ctl_fail_error(&error);
	while (result == 0 && (size = getline(&line, &room, stdin)) > 0) {
		struct span rest = span_trim(span_of(line, (size_t)size)), word;
		struct buffer fields;
		count++;
		if (!span_word(&rest, &word))
			continue;
		buffer_init(&fields, 0);
		tabline_add_pair(&fields, "address", word);
		tabline_add_pair(&fields, key, span_trim(rest));
		if (span_trim(rest).size == 0)
			result = ctl_fail("standard input:%zu: found \"%.*s\", "
				"expected an address and a %s", count,
				SPAN_PRINT(word), key);
		else if (system_call(&wire, "USER-ADD", buffer_span(&fields),
		    NULL, NULL, NULL, &error) < 0)
			result = ctl_fail("standard input:%zu: %s", count,
				error.text);
		buffer_fini(&fields);
	}
	free(line);
	system_wire_close(&wire);
	return result;
}

struct deletion {
	char account[20];
};

static void
keep_account(void *context, const struct tabline *row)
{
	struct deletion *deletion = context;
	struct span id;
	if (tabline_get(row, 2, "account", &id))
		snprintf(deletion->account, sizeof(deletion->account), "%.*s",
			SPAN_PRINT(id));
}

/* First nobody can reach the account any more, then its mail goes. */
static int
delete_user(struct ctl *ctl, const char *address)
{
	struct deletion deletion = { "" };
	uint64_t id;
	const char *fields[] = { "address", address, NULL };
	int result = admin_each(ctl, service, 0, "USER-DELETE", fields, NULL,
		keep_account, &deletion);
	if (result != 0)
		return result;
	if (!span_to_hex_number(span_from(deletion.account), &id))
		return ctl_fail("%s: auth did not say which account it was; "
			"its mail is still there", address);
	const char *mail[] = { "account", deletion.account, NULL };
	return admin_each(ctl, "mailbox-admin",
		(unsigned)(id % config_number(ctl->config, "mailbox_processes")),
		"ACCOUNT-DELETE", mail, NULL, NULL, NULL);
}

static int
user_quota(struct ctl *ctl, const char *address, const char *size)
{
	static const char *const columns[] = { "address", "quota", "over", NULL };
	const char *show[] = { "address", address, NULL };
	const char *set[] = { "address", address, "bytes", size, NULL };
	if (size == NULL)
		return admin_list(ctl, service, "USER-QUOTA", show, columns);
	return admin_do(ctl, service, "USER-QUOTA", set);
}

/* "500M" in bytes, by the rules of the configuration. */
static int
size_in_bytes(const char *text, char out[24])
{
	struct config *config;
	struct error error;
	char setting[80];
	snprintf(setting, sizeof(setting), "mailbox_quota=%.40s", text);
	const char *one[] = { setting };
	if (strcmp(text, "default") == 0) {
		snprintf(out, 24, "default");
		return 0;
	}
	if (config_load(NULL, one, 1, &config, &error) < 0)
		return ctl_fail("found \"%s\", expected a size such as 500M, 2G "
			"or 0", text);
	snprintf(out, 24, "%llu",
		(unsigned long long)config_size(config, "mailbox_quota"));
	config_free(&config);
	return 0;
}

/* add --hash HASH ADDRESS, or add --hash - */
static int
add_hashed(struct ctl *ctl)
{
	if (ctl->argc == 3 && strcmp(ctl->argv[2], "-") == 0)
		return add_many(ctl, "hash");
	if (ctl->argc != 4)
		return ctl_usage(ctl_command_of(ctl_user), "found %d words, "
			"expected add --hash HASH ADDRESS", ctl->argc);
	const char *fields[] = { "address", ctl->argv[3], "hash", ctl->argv[2],
		NULL };
	return admin_each(ctl, service, 0, "USER-ADD", fields, NULL,
		tell_domain, ctl);
}

int
ctl_user(struct ctl *ctl)
{
	static const char *const columns[] = { "address", "quota", "over",
		"account", NULL };
	const struct ctl_command *self = ctl_command_of(ctl_user);
	const char *verb = ctl->argc > 0 ? ctl->argv[0] : "";
	const char *address = ctl->argc > 1 ? ctl->argv[1] : NULL;
	char bytes[24];
	if (strcmp(verb, "list") == 0 && ctl->argc == 1)
		return admin_list(ctl, service, "USER-LIST", NULL, columns);
	if (strcmp(verb, "quota") == 0 && (ctl->argc == 2 || ctl->argc == 3)) {
		if (ctl->argc == 3 && size_in_bytes(ctl->argv[2], bytes) != 0)
			return 1;
		return user_quota(ctl, address, ctl->argc == 3 ? bytes : NULL);
	}
	if (strcmp(verb, "add") == 0 && ctl->argc >= 3 &&
		strcmp(address, "--hash") == 0)
		return add_hashed(ctl);
	if (ctl->argc != 2)
		return ctl_usage(self, "found %d words, expected list, or add, "
			"del, passwd or quota and an address", ctl->argc);
	if (strcmp(verb, "add") == 0 && strcmp(address, "-") == 0)
		return add_many(ctl, "password");
	if (strcmp(verb, "add") == 0)
		return send_password(ctl, "USER-ADD", address);
	if (strcmp(verb, "passwd") == 0)
		return send_password(ctl, "USER-PASSWORD", address);
	if (strcmp(verb, "del") == 0)
		return delete_user(ctl, address);
	return strcmp(verb, "list") == 0 ? ctl_usage(self, "found \"%s\" after "
		"list, expected nothing", address) :
		ctl_usage(self, "found \"%s\", expected add, del, list, passwd "
		"or quota", verb);
}

/* ---- domains ---- */

int
ctl_domain(struct ctl *ctl)
{
	static const char *const columns[] = { "domain", "accounts", "source",
		NULL };
	const struct ctl_command *self = ctl_command_of(ctl_domain);
	const char *verb = ctl->argc > 0 ? ctl->argv[0] : "";
	if (strcmp(verb, "list") == 0 && ctl->argc == 1)
		return admin_list(ctl, service, "DOMAIN-LIST", NULL, columns);
	if (ctl->argc != 2)
		return ctl_usage(self, "found %d words, expected list, or add "
			"or del and a domain", ctl->argc);
	if (strcmp(verb, "list") == 0)
		return ctl_usage(self, "found \"%s\" after list, expected "
			"nothing", ctl->argv[1]);
	const char *fields[] = { "domain", ctl->argv[1], NULL };
	bool is_add = strcmp(verb, "add") == 0;
	if (!is_add && strcmp(verb, "del") != 0)
		return ctl_usage(self, "found \"%s\", expected add, del or "
			"list", verb);
	int result = admin_do(ctl, service, is_add ? "DOMAIN-ADD" :
		"DOMAIN-DELETE", fields);
	if (result == 0)
		admin_refresh_records(ctl);
	return result;
}

/* ---- aliases ---- */

int
ctl_alias(struct ctl *ctl)
{
	static const char *const columns[] = { "address", "target", NULL };
	const struct ctl_command *self = ctl_command_of(ctl_alias);
	const char *verb = ctl->argc > 0 ? ctl->argv[0] : "";
	if (strcmp(verb, "list") == 0 && ctl->argc == 1)
		return admin_list(ctl, service, "ALIAS-LIST", NULL, columns);
	const char *fields[] = { "address", ctl->argc > 1 ? ctl->argv[1] : "",
		ctl->argc > 2 ? "target" : NULL,
		ctl->argc > 2 ? ctl->argv[2] : NULL, NULL };
	if (strcmp(verb, "add") == 0 && ctl->argc == 3)
		return admin_do(ctl, service, "ALIAS-ADD", fields);
	if (strcmp(verb, "del") == 0 && (ctl->argc == 2 || ctl->argc == 3))
		return admin_do(ctl, service, "ALIAS-DELETE", fields);
	return ctl_usage(self, "found %d words, expected add ADDRESS TARGET, "
		"del ADDRESS [TARGET] or list", ctl->argc);
}
