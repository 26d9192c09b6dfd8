/*
 * The child that answers one question: `pam --answer`. The question comes on
 * descriptor ANSWER_FD, the answer goes there too, and it ends.
 */
#ifndef PAM_ANSWER_H
#define PAM_ANSWER_H

enum { ANSWER_FD = 3 };

/* The result of main. */
int
answer_main(void);

#endif
