/* The functions of the command table, one file or small family each. */
#ifndef MAILBOX_IMAP_COMMANDS_H
#define MAILBOX_IMAP_COMMANDS_H

#include "mailbox/imap/imap.h"

/* capability.c */
imap_command_function imap_capability, imap_enable;
/* basic.c */
imap_command_function imap_noop, imap_logout, imap_id;
/* select.c */
imap_command_function imap_select, imap_examine;
/* close.c */
imap_command_function imap_close, imap_unselect_command, imap_expunge;
/* mailboxes.c */
imap_command_function imap_create, imap_delete, imap_rename, imap_subscribe,
	imap_unsubscribe;
/* list.c */
imap_command_function imap_list, imap_lsub, imap_namespace;
/* status.c */
imap_command_function imap_status_command;
/* append.c */
imap_command_function imap_append_without_literal;
/* idle.c */
imap_command_function imap_idle;
/* quota.c */
imap_command_function imap_getquota, imap_getquotaroot, imap_setquota;
/* search_command.c */
imap_command_function imap_search;
/* fetch.c */
imap_command_function imap_fetch;
/* store_flags.c */
imap_command_function imap_store;
/* copy.c */
imap_command_function imap_copy, imap_move;

#endif
