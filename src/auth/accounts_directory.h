/* How accounts of directories are asked for (accounts.h, question.h). */
#ifndef AUTH_ACCOUNTS_DIRECTORY_H
#define AUTH_ACCOUNTS_DIRECTORY_H

#include "auth/accounts.h"
#include "auth/question.h"

/* Before accounts_set_sources. */
void
accounts_set_call(struct accounts *accounts, question_call_fn *call);

#endif
