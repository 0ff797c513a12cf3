"""Pages on which ad-ops find exports, and an API for programs; they read published files alone.

Other packages import `access_log`, `account_database`, `account_store`, `api_tokens`, `passwords`,
`response_headers`, `segment_requests`, `server`, `share_profile`, `sign_in_settings` and
`user_accounts`.
"""
