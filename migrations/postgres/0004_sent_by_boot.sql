-- Payments that were sent in this boot since an instant, whatever the wall clock was set to.
CREATE INDEX intent_head_boot ON intent_head (spend_boot, spend_ms);
CREATE INDEX intent_head_account_boot ON intent_head (account, spend_boot, spend_ms);
