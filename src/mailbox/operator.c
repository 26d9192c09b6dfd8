/*
 * What the operator may ask of the accounts of this process: what is in one,
 * and to remove one with all its mail. Runs on workers.
 */
#include "mailbox/operator.h"

static bool
need_account(struct admin_call *call, uint64_t *account)
{
	const struct mailbox *mailbox = call->context;
	struct span value;
	if (!admin_need(call, "account", &value))
		return false;
	if (!span_to_hex_number(value, account) || *account == 0) {
		admin_fail(call, "account=%.*s: expected a hexadecimal id",
			SPAN_PRINT(span_first(value, 40)));
		return false;
	}
	if (!mailbox_has_account(mailbox, *account)) {
		admin_fail(call, "another mailbox process has this account");
		return false;
	}
	return true;
}

static void
show_mailbox(struct admin_call *call, struct store_account *account,
	const struct store_mailbox *mailbox)
{
	struct store_status status = { .messages = 0 };
	struct error error;
	if (mailbox->id != 0 && store_mailbox_status(account, mailbox->id,
		&status, &error) != STORE_OK)
		return;
	admin_row_begin(call);
	admin_row_field(call, "mailbox", mailbox->name);
	admin_row_number(call, "messages", status.messages);
	admin_row_number(call, "unseen", status.unseen);
	admin_row_number(call, "size", status.size);
	admin_row_end(call);
}

static void
account_show(struct admin_call *call)
{
	const struct mailbox *mailbox = call->context;
	struct store_account *account = NULL;
	struct store_mailbox *list;
	struct error error;
	uint64_t id;
	size_t count = 0;
	if (!need_account(call, &id))
		return;
	if (store_account_open(mailbox->store, id, id, 0, &account,
		&error) < 0) {
		admin_fail(call, "%s", error.text);
		return;
	}
	if (store_mailbox_list(account, call->arena, &list, &count, &error) ==
		STORE_OK) {
		for (size_t i = 0; i < count; i++)
			show_mailbox(call, account, &list[i]);
	} else {
		admin_fail(call, "%s", error.text);
	}
	store_account_close(&account);
}

static void
account_delete(struct admin_call *call)
{
	const struct mailbox *mailbox = call->context;
	struct error error;
	struct span value;
	uint64_t id;
	if (!need_account(call, &id))
		return;
	if (store_account_delete(mailbox->store, id, &error) < 0 &&
		error.code != ERROR_GONE) {
		admin_fail(call, "%s", error.text);
		return;
	}
	tabline_get(call->fields, 2, "account", &value);
	log_event(LOG_INFO, "account-delete", NULL,
		LOG_SPAN("account", value));
}

const struct admin_command mailbox_operator_commands[] = {
	{ "ACCOUNT-SHOW", account_show },
	{ "ACCOUNT-DELETE", account_delete },
	{ NULL, NULL },
};
