"""Messages between services that are deployed apart: an old reader survives a new field, and a new one its absence."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given

from support import wire_values
from support.repository import ROOT
from support.sealing import SEALER
from valetkey.core.oauth.authorization_code import AuthorizationCode
from valetkey.core.oauth.revocation import Revocation
from valetkey.core.oidc.claims.request import ClaimsRequest
from valetkey.core.oidc.interaction import Interaction
from valetkey.core.sealed_value import Purpose
from valetkey.storage.redis.messages import authorization_code_message, interaction_message, revocation_message
from valetkey.storage.redis.messages.wire import READER, UnreadableMessage
from valetkey.wire.v1 import (
    authentication_pb2,
    authorization_code_pb2,
    claims_request_pb2,
    factor_pb2,
    interaction_pb2,
    revocation_pb2,
)

FILES = [
    authentication_pb2.DESCRIPTOR,
    claims_request_pb2.DESCRIPTOR,
    factor_pb2.DESCRIPTOR,
    authorization_code_pb2.DESCRIPTOR,
    interaction_pb2.DESCRIPTOR,
    revocation_pb2.DESCRIPTOR,
]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_revocation(data: bytes) -> Revocation:
    return revocation_message.from_bytes(wire_values.REVOCATION.target, data)


CODE = authorization_code_message.to_bytes(wire_values.CODE)
INTERACTION = interaction_message.to_bytes(wire_values.INTERACTION)
REVOCATION = revocation_message.to_bytes(wire_values.REVOCATION)

# With what only some have.
TRACEPARENT = f"00-{1:032x}-{2:016x}-00"
WHOLE_INTERACTION = INTERACTION + interaction_pb2.Interaction(traceparent=TRACEPARENT).SerializeToString()
WHOLE_CODE = b"".join(
    [
        CODE,
        authorization_code_pb2.AuthorizationCode(traceparent=TRACEPARENT).SerializeToString(),
        authorization_code_message.abandoned(wire_values.NOON),
    ]
)

Reader = Callable[[bytes], AuthorizationCode | Interaction | Revocation]
MESSAGES = pytest.mark.parametrize(
    ("name", "data", "read", "value"),
    [
        (
            "AuthorizationCode",
            WHOLE_CODE,
            authorization_code_message.from_bytes,
            replace(wire_values.CODE, unconfirmed_at=(wire_values.NOON,)),
        ),
        ("Interaction", WHOLE_INTERACTION, interaction_message.from_bytes, wire_values.INTERACTION),
        ("Revocation", REVOCATION, read_revocation, wire_values.REVOCATION),
    ],
)


@given(wire_values.authorization_codes)
def test_a_code_is_read_as_it_was_written(code: AuthorizationCode) -> None:
    assert authorization_code_message.from_bytes(authorization_code_message.to_bytes(code)) == code


@given(wire_values.interactions)
def test_an_interaction_is_read_as_it_was_written(interaction: Interaction) -> None:
    assert interaction_message.from_bytes(interaction_message.to_bytes(interaction)) == interaction


@given(wire_values.revocations)
def test_a_revocation_is_read_as_it_was_written(revocation: Revocation) -> None:
    read = revocation_message.from_bytes(revocation.target, revocation_message.to_bytes(revocation))

    assert read == revocation


@pytest.mark.requirement("security 51: no token is kept where only what it proved is needed")
def test_an_id_token_hint_is_not_kept() -> None:
    request = replace(wire_values.INTERACTION.request, id_token_hint="eyJhbGciOiJFUzI1NiJ9.canary.canary")

    data = interaction_message.to_bytes(replace(wire_values.INTERACTION, request=request))

    assert b"canary" not in data
    assert interaction_message.from_bytes(data) == wire_values.INTERACTION


@MESSAGES
def test_we_survive_a_field_that_a_newer_writer_has_added(
    name: str, data: bytes, read: Reader, value: AuthorizationCode | Interaction | Revocation
) -> None:
    newer = another_version(name, add=True)
    message = newer()
    message.ParseFromString(data)
    message.added = "unheard of"  # type: ignore[attr-defined]
    message.added_parts.add(text="in a message of its own")  # type: ignore[attr-defined]

    written = message.SerializeToString()

    assert len(written) > len(data)
    assert read(written) == value


@MESSAGES
def test_an_older_reader_survives_our_newest_field(
    name: str, data: bytes, read: Reader, value: AuthorizationCode | Interaction | Revocation
) -> None:
    older = another_version(name, add=False)
    message = older()

    message.ParseFromString(data)

    known = {field.name for field, _ in message.ListFields()}
    assert known == {field.name for field in older.DESCRIPTOR.fields} - {"min_reader"}
    # What an older release keeps and writes back still has what it did not understand.
    assert read(message.SerializeToString()) == value


@MESSAGES
def test_a_message_written_before_our_optional_fields_existed_is_read(
    name: str, data: bytes, read: Reader, value: AuthorizationCode | Interaction | Revocation
) -> None:
    message = another_version(name, add=True)()
    message.ParseFromString(data)
    optional = [field.name for field, _ in message.ListFields() if field.has_presence and field.message_type is None]
    for field in optional:
        message.ClearField(field)

    older = read(message.SerializeToString())

    assert older == replace(value, **dict.fromkeys(optional))  # type: ignore[arg-type]


@MESSAGES
def test_a_message_that_only_a_newer_reader_may_act_on_is_refused(
    name: str, data: bytes, read: Reader, value: AuthorizationCode | Interaction | Revocation
) -> None:
    message = another_version(name, add=True)()
    message.ParseFromString(data)
    message.min_reader = READER + 1  # type: ignore[attr-defined]

    with pytest.raises(UnreadableMessage):
        read(message.SerializeToString())


@MESSAGES
def test_what_is_not_a_message_is_refused(
    name: str, data: bytes, read: Reader, value: AuthorizationCode | Interaction | Revocation
) -> None:
    with pytest.raises(UnreadableMessage):
        read(data[:-1])


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("read", [authorization_code_message.from_bytes, interaction_message.from_bytes])
def test_a_sealed_value_is_no_message_to_a_release_that_knows_of_none(read: Reader, purpose: Purpose) -> None:
    with pytest.raises(UnreadableMessage):
        read(SEALER.seal(purpose, "vk:code:{aa}", CODE))


@pytest.mark.parametrize("read", [authorization_code_message.from_bytes, interaction_message.from_bytes])
def test_a_message_without_its_identifiers_is_refused(read: Reader) -> None:
    with pytest.raises(UnreadableMessage):
        read(b"")


def test_a_time_that_no_calendar_has_is_refused() -> None:
    data = revocation_pb2.Revocation(revoked_at=2**62).SerializeToString()

    with pytest.raises(UnreadableMessage):
        read_revocation(data)


def test_a_time_is_kept_to_the_microsecond() -> None:
    revocation = replace(wire_values.REVOCATION, revoked_at=EPOCH + timedelta(microseconds=1))

    assert read_revocation(revocation_message.to_bytes(revocation)) == revocation


# What a release before this one has left in Redis. These bytes never change; a message that grows adds a second sample.
SAMPLE_CODE = bytes.fromhex(
    "0a10000000000000000000000000000000011210000000000000000000000000000000021a2268747470733a2f2f636c6965"
    "6e742e6578616d706c652f63623f74656e616e743d31222b45394d656c686f61324f77764672454d544a67754348616f654b"
    "3174385552576275474a537374772d634d2a066f70656e69642a0770726f66696c65321468747470733a2f2f6170692e6578"
    "616d706c652f3a4d0a100000000000000000000000000000000310c0e4c3add3fe92031a1975726e3a76616c65746b65793a"
    "6163723a70617373776f726422037077642a100000000000000000000000000000000440c0e4c3add3fe92034a0c6e2d3053"
    "365f577a41324d6a52600a046e616d651205656d61696c120e656d61696c5f76657269666965641a1975726e3a76616c6574"
    "6b65793a6163723a70617373776f7264222434613166306331652d303030302d343030302d383030302d3030303030303030"
    "303030332801"
)
SAMPLE_ABANDONED = bytes.fromhex("6208c0e4c3add3fe9203")
SAMPLE_INTERACTION = bytes.fromhex(
    "0a9f020a0377656212330a1968747470733a2f2f636c69656e742e6578616d706c652f63621209666f726d5f706f73741a0b"
    "61663069666a736c646b6a1a066f70656e69641a05656d61696c221468747470733a2f2f6170692e6578616d706c652f2a2b"
    "45394d656c686f61324f77764672454d544a67754348616f654b3174385552576275474a537374772d634d320c6e2d305336"
    "5f577a41324d6a3a07636f6e73656e743a056c6f67696e40004a0f616461406578616d706c652e636f6d52600a046e616d65"
    "1205656d61696c120e656d61696c5f76657269666965641a1975726e3a76616c65746b65793a6163723a70617373776f7264"
    "222434613166306331652d303030302d343030302d383030302d303030303030303030303033280112100000000000000000"
    "00000000000000021a20000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20c0e4c3add3fe92"
    "032a10000000000000000000000000000000053210000000000000000000000000000000063a100000000000000000000000"
    "0000000007"
)
SAMPLE_REVOCATION = bytes.fromhex("08c0e4c3add3fe920310c0a4a19c95819303")


# The second samples: what release 0.2.0 adds.
SAMPLE_CODE_EPOCHS = bytes.fromhex("6a080801100218032004")
SAMPLE_INTERACTION_EPOCHS = bytes.fromhex("48015002")
SAMPLE_REVOCATION_EPOCH = bytes.fromhex("1803")


# The third: what has been proven, and at which level that was asked for.
SAMPLE_INTERACTION_PROOFS = bytes.fromhex(
    "5a430a10000000000000000000000000000000031003180122130a0870617373776f726410c0e4c3add3fe920322140a0770"
    "6173736b657910c0e4c3add3fe920318012801"
)
SAMPLE_INTERACTION_KEPT = bytes.fromhex("5a023001")
SAMPLE_INTERACTION_LEVELS = bytes.fromhex("0a055a03706872")
SAMPLE_INTERACTION_LANGUAGES = bytes.fromhex("0a0b620564652d434862026672")


def test_the_field_numbers_of_a_code_are_for_good() -> None:
    assert authorization_code_message.from_bytes(SAMPLE_CODE) == replace(wire_values.CODE, epochs=None)
    assert authorization_code_message.from_bytes(SAMPLE_CODE + SAMPLE_CODE_EPOCHS) == wire_values.CODE
    assert CODE == SAMPLE_CODE + SAMPLE_CODE_EPOCHS


def test_what_is_appended_to_a_code_is_for_good() -> None:
    later = wire_values.CODE.issued_at + timedelta(seconds=1)

    read = authorization_code_message.from_bytes(SAMPLE_CODE + authorization_code_message.abandoned(later) * 2)

    assert authorization_code_message.abandoned(wire_values.CODE.issued_at) == SAMPLE_ABANDONED
    assert read == replace(wire_values.CODE, unconfirmed_at=(later, later), epochs=None)


def test_the_field_numbers_of_an_interaction_are_for_good() -> None:
    assert wire_values.INTERACTION.proofs is not None
    not_kept = wire_values.INTERACTION.proofs._replace(is_kept=False)
    second = replace(wire_values.INTERACTION, proofs=None)
    first = replace(second, installation_epoch=None, client_epoch=None)
    assert interaction_message.from_bytes(SAMPLE_INTERACTION) == first
    assert interaction_message.from_bytes(SAMPLE_INTERACTION + SAMPLE_INTERACTION_EPOCHS) == second
    third = SAMPLE_INTERACTION + SAMPLE_INTERACTION_EPOCHS + SAMPLE_INTERACTION_PROOFS
    assert interaction_message.from_bytes(third + SAMPLE_INTERACTION_KEPT) == wire_values.INTERACTION
    assert interaction_message.from_bytes(third) == replace(wire_values.INTERACTION, proofs=not_kept)
    assert interaction_message.from_bytes(INTERACTION) == wire_values.INTERACTION
    levels = interaction_message.from_bytes(INTERACTION + SAMPLE_INTERACTION_LEVELS).request.acr_values
    assert levels == ("phr",)
    languages = interaction_message.from_bytes(INTERACTION + SAMPLE_INTERACTION_LANGUAGES).request.ui_locales
    assert languages == ("de-CH", "fr")


def test_a_login_at_a_level_is_left_to_releases_that_know_of_levels() -> None:
    claims = ClaimsRequest(essential_acr=("phr",))
    demanding = replace(wire_values.INTERACTION, request=replace(wire_values.INTERACTION.request, claims=claims))

    message = interaction_pb2.Interaction.FromString(interaction_message.to_bytes(demanding))

    assert (message.min_reader, interaction_pb2.Interaction.FromString(INTERACTION).min_reader) == (2, 0)


def test_a_proof_by_a_method_of_another_release_is_not_acted_on() -> None:
    message = interaction_pb2.Interaction.FromString(INTERACTION)
    message.proofs.factors.add(method="retina", at=1)

    with pytest.raises(UnreadableMessage):
        interaction_message.from_bytes(message.SerializeToString())


def test_the_field_numbers_of_a_revocation_are_for_good() -> None:
    assert read_revocation(SAMPLE_REVOCATION) == replace(wire_values.REVOCATION, epoch=None)
    assert read_revocation(SAMPLE_REVOCATION + SAMPLE_REVOCATION_EPOCH) == wire_values.REVOCATION
    assert REVOCATION == SAMPLE_REVOCATION + SAMPLE_REVOCATION_EPOCH


def test_every_message_that_stands_by_itself_can_refuse_older_readers_under_the_same_number() -> None:
    numbers = {
        message.full_name: message.fields_by_name["min_reader"].number
        for message in (
            authorization_code_pb2.AuthorizationCode.DESCRIPTOR,
            interaction_pb2.Interaction.DESCRIPTOR,
            revocation_pb2.Revocation.DESCRIPTOR,
        )
    }

    assert set(numbers.values()) == {15}


def test_no_message_holds_floating_point_or_a_required_field() -> None:
    field_type = descriptor_pb2.FieldDescriptorProto
    fields = [field for file in FILES for message in file.message_types_by_name.values() for field in message.fields]

    assert len(fields) > 30
    assert not [field for field in fields if field.type in {field_type.TYPE_DOUBLE, field_type.TYPE_FLOAT}]
    assert not [field for field in fields if field.is_required]


def test_every_contract_is_checked_here() -> None:
    contracts = {path.name for path in (ROOT / "proto/valetkey/wire/v1").glob("*.proto")}

    assert contracts == {str(file.name).rsplit("/", 1)[1] for file in FILES}


def another_version(name: str, *, add: bool) -> type[Message]:
    """The message as a neighbouring release has it: with a field more, or without our newest one."""
    pool = descriptor_pool.DescriptorPool()
    for file in FILES:
        definition = descriptor_pb2.FileDescriptorProto()
        file.CopyToProto(definition)
        for message in definition.message_type:
            if message.name == name:
                _grow(message) if add else _shrink(message)
        pool.Add(definition)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"valetkey.wire.v1.{name}"))


def _grow(message: descriptor_pb2.DescriptorProto) -> None:
    part = message.nested_type.add(name="Part")
    part.field.add(name="text", number=1, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING)
    message.field.add(name="added", number=60, type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING)
    message.field.add(
        name="added_parts",
        number=61,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE,
        type_name=f".valetkey.wire.v1.{message.name}.Part",
        label=descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED,
    )


def _shrink(message: descriptor_pb2.DescriptorProto) -> None:
    newest = max((field for field in message.field if field.name != "min_reader"), key=lambda field: field.number)
    index = list(message.field).index(newest)
    # A field with presence has a oneof of its own; without it that oneof must go too.
    if newest.proto3_optional:
        del message.oneof_decl[newest.oneof_index]
    del message.field[index]
