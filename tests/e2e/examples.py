"""The example payloads of the sources 000 and 003, as they are printed there."""

from __future__ import annotations

OPERATION_PRICING = b"""\
{
    "id": "663a258c-5e7c-456f-9759-73e02db8b5d9",
    "strategy_id": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "request_id": "e4edff9d-422e-41e2-a2a2-a887c6444fde",
    "type": "enrollment",
    "status": "pricing",
    "status_reason": "",
    "allocations": [
        { "underlying_currency": "BTC", "weight": "0.5" },
        { "underlying_currency": "ETH", "weight": "0.5" }
    ],
    "created_at": "2026-05-29T18:56:43Z",
    "updated_at": "2026-05-29T18:56:43Z"
}"""

OPERATION_SETTLED = b"""\
{
    "id": "663a258c-5e7c-456f-9759-73e02db8b5d9",
    "strategy_id": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "request_id": "e4edff9d-422e-41e2-a2a2-a887c6444fde",
    "type": "enrollment",
    "status": "settled",
    "status_reason": "",
    "allocations": [
        { "underlying_currency": "BTC", "weight": "0.5" },
        { "underlying_currency": "ETH", "weight": "0.5" }
    ],
    "created_at": "2026-05-29T18:56:43Z",
    "updated_at": "2026-05-29T18:56:46Z"
}"""

OPERATION_FAILED = b"""\
{
    "id": "7fb46299-9e74-4c14-9f04-172a005e9aca",
    "strategy_id": "78e8282c-2363-40c2-879a-52e1ee090e45",
    "request_id": "bd64a9bd-0f65-481b-af7a-03e033bc920c",
    "type": "top_up",
    "status": "failed",
    "status_reason": "all_rejected",
    "allocations": [
        { "underlying_currency": "BTC", "weight": "0.5" },
        { "underlying_currency": "ETH", "weight": "0.5" }
    ],
    "created_at": "2026-05-29T18:40:29Z",
    "updated_at": "2026-05-29T18:40:29Z"
}"""

EXECUTION_AWAITING = b"""\
{
    "id": "97b215ed-6985-32c5-b856-77efc9614467",
    "strategy_id": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "operation_id": "663a258c-5e7c-456f-9759-73e02db8b5d9",
    "trader_id": "bd92c25a-eaf8-3e95-ab7a-59f3e2275234",
    "participant_code": "ABC123",
    "account_label": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "status": "awaiting_execution",
    "status_reason": "",
    "instructions": [
        {
            "underlying_currency": "BTC",
            "quoted_currency": "USD",
            "side": "buy",
            "amount": "5",
            "amount_type": "notional",
            "status": "pending",
            "status_reason": ""
        },
        {
            "underlying_currency": "ETH",
            "quoted_currency": "USD",
            "side": "buy",
            "amount": "5",
            "amount_type": "notional",
            "status": "pending",
            "status_reason": ""
        }
    ],
    "created_at": "2026-05-29T18:56:43Z",
    "updated_at": "2026-05-29T18:56:43Z"
}"""

EXECUTION_SETTLED = b"""\
{
    "id": "97b215ed-6985-32c5-b856-77efc9614467",
    "strategy_id": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "operation_id": "663a258c-5e7c-456f-9759-73e02db8b5d9",
    "trader_id": "bd92c25a-eaf8-3e95-ab7a-59f3e2275234",
    "participant_code": "ABC123",
    "account_label": "9ba5e569-a966-42a9-a7ad-666b0a5300f3",
    "status": "settled",
    "status_reason": "",
    "instructions": [
        {
            "underlying_currency": "BTC",
            "quoted_currency": "USD",
            "side": "buy",
            "amount": "5",
            "amount_type": "notional",
            "status": "executed",
            "status_reason": "",
            "price": "73471.612589025",
            "quantity": "0.00006805",
            "total_notional": "5",
            "trade_ids": ["19f7ae72-48ff-3d37-99e6-24840b83e9c6"],
            "executed_at": "2026-05-29T18:56:46Z"
        },
        {
            "underlying_currency": "ETH",
            "quoted_currency": "USD",
            "side": "buy",
            "amount": "5",
            "amount_type": "notional",
            "status": "executed",
            "status_reason": "",
            "price": "2018.06059005",
            "quantity": "0.0024776263035175",
            "total_notional": "5",
            "trade_ids": ["3f6ef014-fd8f-3897-958e-b6b7eaba14f5"],
            "executed_at": "2026-05-29T18:56:46Z"
        }
    ],
    "created_at": "2026-05-29T18:56:43Z",
    "updated_at": "2026-05-29T18:56:46Z"
}"""

EXECUTION_REJECTED = b"""\
{
    "id": "ae96845f-562a-32f7-9b67-073ed10a20c3",
    "strategy_id": "78e8282c-2363-40c2-879a-52e1ee090e45",
    "operation_id": "7fb46299-9e74-4c14-9f04-172a005e9aca",
    "trader_id": "",
    "participant_code": "ABC123",
    "account_label": "",
    "status": "rejected",
    "status_reason": "trader_not_enrolled",
    "instructions": [],
    "created_at": "2026-05-29T18:40:29Z",
    "updated_at": "2026-05-29T18:40:29Z"
}"""
