"""World manufacturer identifiers: who built a car, by the first three characters of its VIN.

Only makes that are common on North American roads are listed; that an identifier is missing says
nothing about a VIN. Sister makes share identifiers, so the headings are for the reader.
Source: ISO 3780; SAE International assigns the North American ones (49 CFR 565.16).
"""

from __future__ import annotations

_IDENTIFIERS = {
    "Acura": "19U 19V 2HH 2HN 5FR 5J8 JH4",
    "Audi": "TRU WA1 WAU WUA WU1",
    "Bentley": "SCB SJA",
    "BMW": "3MW 4US 5UM 5UX 5YM WBA WBS WBX WBY",
    "Buick": "1G4 2G4 3G4 3G5 4GL 5GA KL4 LRB W04",
    "Cadillac": "1G6 1GY 2G6 3G6 3GY",
    "Chevrolet": "1G1 1GA 1GB 1GC 1GN 1Y1 2CN 2G1 2GC 2GN 3G1 3GB 3GC 3GN KL1 KL7 KL8",
    "Chrysler": "1A4 1A8 1C3 1C8 2A4 2A8 2C3 2C4 2C8 3A4 3C3 3C4 3C8",
    "Dodge": "1B3 1B4 1B7 1D3 1D4 1D7 1D8 2B3 2B4 2B7 2D4 2D7 2D8 3B3 3B7 3D3 3D4 3D7",
    "Ferrari": "ZFF",
    "Fiat": "ZFA ZFB",
    "Ford": "1FA 1FB 1FC 1FD 1FM 1FT 2FA 2FM 2FT 3FA 3FM 3FR 3FT MAJ NM0 WF0",
    "Genesis": "KMT KMU",
    "GMC": "1GD 1GJ 1GK 1GT 2CT 2GK 2GT 3GK 3GT",
    "Honda": "19X 1HG 2HG 2HJ 2HK 3CZ 3HG 5FN 5FP 5J6 7FA 93H JHL JHM LUC MRH SHH SHS",
    "Hyundai": "2HM 3KM 5NM 5NP 5NT 7YA KM8 KMH",
    "Infiniti": "3PC 5N3 JN1 JNK JNR JNX",
    "Isuzu": "4S2 JAA JAC",
    "Jaguar": "SAD SAJ",
    "Jeep": "1C4 1J4 1J8 3C6 ZAC",
    "Kia": "3KP 5XX 5XY KNA KND KNM",
    "Land Rover": "SAL",
    "Lexus": "2T2 58A JT6 JT8 JTH JTJ",
    "Lincoln": "1LN 2LM 3LN 5LM 5LT",
    "Lucid": "50E",
    "Maserati": "ZAM ZN6",
    "Mazda": "1YV 3MD 3MV 3MY 4F2 4F4 7MM JM1 JM3 JM6 JM7",
    "Mercedes-Benz": "4JG 55S WD3 WD4 WDB WDC WDD WDP WDZ W1K W1N W1V W1W W1X W1Y",
    "Mercury": "1ME 1ZW 2ME 2MR 4M2",
    "MINI": "WMW WMZ",
    "Mitsubishi": "4A3 4A4 6MM JA3 JA4 ML3",
    "Nissan": "1N4 1N6 3N1 3N6 3N8 5BZ 5N1 JN6 JN8",
    "Oldsmobile": "1G3 2G3",
    "Polestar": "LPS YSM",
    "Pontiac": "1G2 2CK 2G2 3G2 3G7 5Y2 6G2 KL2",
    "Porsche": "WP0 WP1",
    "Ram": "1C6 2C7 3C7",
    "Rivian": "7FC 7PD",
    "Saab": "YS3",
    "Saturn": "1G8 3GS 5GZ W08",
    "Scion": "JTK JTL",
    "Smart": "WME",
    "Subaru": "4S3 4S4 JF1 JF2",
    "Suzuki": "2S2 2S3 JS2 JS3 KL5",
    "Tesla": "5YJ 7G2 7SA LRW XP7",
    "Toyota": "1NX 2T1 2T3 3MZ 3TM 3TY 4T1 4T3 4T4 5TB 5TD 5TE 5TF 5YF 7MU 7SV JT2 JT3 JT4 JTD "
    "JTE JTM JTN NMT SB1 VNK",
    "Volkswagen": "1V1 1V2 1VW 3VV 3VW 9BW WV1 WV2 WVG WVW",
    "Volvo": "7JR LVY LYV YV1 YV4",
}
_KNOWN = frozenset(code for codes in _IDENTIFIERS.values() for code in codes.split())


def is_known_maker(vin: str) -> bool:
    """Tell whether the VIN begins with an identifier that is listed."""
    return vin[:3] in _KNOWN
