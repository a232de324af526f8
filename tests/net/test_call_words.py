"""What a call's own words and the agent's settings do on the wire to Deepgram."""

from __future__ import annotations

from tests.net.media_client import prepared_call
from tests.net.rig import running, until


async def test_the_listener_knows_the_names_and_cars_of_the_line(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        await prepared_call(rig)
        await until(lambda: bool(rig.deepgram.listen_connections))
        terms = rig.deepgram.listen_connections[0].query.keyterms
        assert terms[:4] == ("Maria Lopez", "Maria", "Lopez", "Toyota Camry")
        assert terms[-2:] == ("Ace", "Oil change")


async def test_a_listener_that_refuses_the_terms_listens_without_them(redis_url: str) -> None:
    async with running(redis_url, clips=False) as rig:
        rig.deepgram.listen.knobs.refuse_next = 1
        rig.deepgram.listen.knobs.refuse_status = 400
        await prepared_call(rig)
        await until(lambda: bool(rig.deepgram.listen_connections))
        assert rig.deepgram.listen_connections[0].query.keyterms == ()
        assert len(rig.events("keyterms_refused")) == 1
        assert not rig.events("listener_failed")


async def test_a_model_without_keyterms_gets_none(redis_url: str) -> None:
    model = {"deepgram_listen_model": "nova-2-phonecall"}
    async with running(redis_url, clips=False, settings=model) as rig:
        await prepared_call(rig)
        await until(lambda: bool(rig.deepgram.listen_connections))
        assert rig.deepgram.listen_connections[0].query.keyterms == ()
        assert not rig.events("keyterms_refused")


async def test_the_agents_name_and_language_reach_greeting_ear_and_voice(redis_url: str) -> None:
    agent = {"agent_name": "Robin", "agent_language": "en-GB"}
    async with running(redis_url, clips=False, settings=agent) as rig:
        await prepared_call(rig)
        (waiting,) = rig.parts.prepared._waiting.values()
        session = waiting.session
        greeting = session._parts.conversation.greeting
        assert greeting == "Thank you for calling Ace. This is Robin. How can I help you today?"
        await until(lambda: bool(rig.deepgram.speak_connections))
        assert rig.deepgram.speak_connections[0].query.model == "aura-2-pandora-en"
        assert session._listener._options.language == "en-GB"
