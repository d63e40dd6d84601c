from appliance.remote import schema


def test_the_published_schemas_are_up_to_date() -> None:
    assert schema.COMMAND_PATH.read_text(encoding="utf-8") == schema.command_schema(), "run make reference"
    assert schema.RESULT_PATH.read_text(encoding="utf-8") == schema.result_schema(), "run make reference"
