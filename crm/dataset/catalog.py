"""The car models of the dataset: who built them, in which years, and how their VINs begin.

A VIN begins with the world manufacturer identifier (3 characters) and describes the vehicle in the
next 5; of these the seventh of all is a letter from model year 2010 on and a digit before, which is
what tells 1990 from 2020. Source: 49 CFR 565.15(a)-(d); NHTSA's public WMI list.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Power(StrEnum):
    """What moves a car; an electric one has no oil to change."""

    COMBUSTION = "combustion"
    ELECTRIC = "electric"


class Model(NamedTuple):
    """One model; `share` is how often it is met, `price_factor` what its service costs more.

    `describes` is positions 4 to 6 of the VIN, `engines` the characters that position 8 may have.
    """

    make: str
    name: str
    first_year: int
    last_year: int
    share: int
    wmi: str
    describes: str
    engines: str
    plants: str
    price_factor: float = 1.0
    power: Power = Power.COMBUSTION


_STILL_BUILT = 9999

MODELS: tuple[Model, ...] = (
    Model("Toyota", "Camry", 2002, _STILL_BUILT, 9, "4T1", "B11", "KF", "UR"),
    Model("Toyota", "Corolla", 2003, 2019, 7, "2T1", "BU4", "EC", "C"),
    Model("Toyota", "Corolla", 2020, _STILL_BUILT, 4, "5YF", "EPM", "EN", "P"),
    Model("Toyota", "RAV4", 2006, _STILL_BUILT, 7, "2T3", "P1R", "VF", "WC"),
    Model("Toyota", "Highlander", 2010, _STILL_BUILT, 4, "5TD", "DZ3", "HK", "S"),
    Model("Toyota", "Tacoma", 2005, _STILL_BUILT, 4, "5TF", "CZ5", "AN", "X"),
    Model("Toyota", "Prius", 2004, 2022, 3, "JTD", "KB2", "UF", "3"),
    Model("Honda", "Civic", 2006, _STILL_BUILT, 8, "2HG", "FC2", "5F", "H"),
    Model("Honda", "Accord", 2003, _STILL_BUILT, 8, "1HG", "CR2", "3F", "A"),
    Model("Honda", "CR-V", 2007, _STILL_BUILT, 7, "5J6", "RW2", "8H", "L"),
    Model("Honda", "Odyssey", 2005, _STILL_BUILT, 3, "5FN", "RL6", "H7", "B"),
    Model("Honda", "Pilot", 2009, _STILL_BUILT, 3, "5FN", "YF6", "H4", "B"),
    Model("Ford", "F-150", 2004, _STILL_BUILT, 9, "1FT", "EW1", "PG", "FK"),
    Model("Ford", "Escape", 2008, _STILL_BUILT, 5, "1FM", "CU9", "XD", "U"),
    Model("Ford", "Explorer", 2006, _STILL_BUILT, 5, "1FM", "SK8", "HC", "G"),
    Model("Ford", "Fusion", 2006, 2020, 4, "3FA", "6P0", "H9", "R"),
    Model("Ford", "Mustang", 2005, _STILL_BUILT, 2, "1FA", "6P8", "TF", "5"),
    Model("Chevrolet", "Silverado 1500", 2003, 2012, 3, "1GC", "EK1", "0J", "Z"),
    Model("Chevrolet", "Silverado 1500", 2013, _STILL_BUILT, 5, "3GC", "UKR", "EC", "G"),
    Model("Chevrolet", "Malibu", 2004, _STILL_BUILT, 4, "1G1", "ZD5", "TX", "F"),
    Model("Chevrolet", "Equinox", 2010, _STILL_BUILT, 4, "2GN", "AXK", "EV", "6"),
    Model("Chevrolet", "Tahoe", 2007, _STILL_BUILT, 2, "1GN", "SKB", "CK", "R"),
    Model("Chevrolet", "Bolt EV", 2017, 2023, 1, "1G1", "FY6", "S0", "4", 1.0, Power.ELECTRIC),
    Model("Nissan", "Altima", 2007, _STILL_BUILT, 5, "1N4", "AL3", "PV", "C"),
    Model("Nissan", "Rogue", 2014, _STILL_BUILT, 5, "5N1", "AT2", "VN", "C"),
    Model("Nissan", "Sentra", 2007, _STILL_BUILT, 3, "3N1", "AB7", "PV", "L"),
    Model("Nissan", "Leaf", 2013, _STILL_BUILT, 1, "1N4", "AZ1", "PV", "C", 1.0, Power.ELECTRIC),
    Model("Hyundai", "Elantra", 2011, _STILL_BUILT, 4, "5NP", "D84", "F3", "H"),
    Model("Hyundai", "Tucson", 2010, _STILL_BUILT, 3, "KM8", "J3C", "A4", "U"),
    Model("Hyundai", "Santa Fe", 2010, 2022, 2, "5NM", "S3C", "A1", "H"),
    Model("Kia", "Sorento", 2011, _STILL_BUILT, 3, "5XY", "PG4", "36", "G"),
    Model("Kia", "Soul", 2010, _STILL_BUILT, 2, "KND", "JN2", "A2", "7"),
    Model("Subaru", "Outback", 2005, _STILL_BUILT, 3, "4S4", "BSA", "NC", "3"),
    Model("Subaru", "Forester", 2009, _STILL_BUILT, 3, "JF2", "SKA", "EC", "H"),
    Model("Volkswagen", "Jetta", 2006, _STILL_BUILT, 3, "3VW", "C57", "UB", "M"),
    Model("Volkswagen", "Passat", 2012, 2022, 2, "1VW", "AT7", "A3", "C"),
    Model("BMW", "3 Series", 2006, 2019, 2, "WBA", "8E9", "5G", "N", 1.5),
    Model("BMW", "X5", 2007, _STILL_BUILT, 2, "5UX", "KR0", "C5", "0", 1.6),
    Model("Mercedes-Benz", "GLE", 2016, _STILL_BUILT, 1, "4JG", "DA5", "HB", "A", 1.7),
    Model("Mercedes-Benz", "C-Class", 2008, 2019, 2, "WDD", "WF4", "KB", "R", 1.6),
    Model("Audi", "A4", 2005, _STILL_BUILT, 2, "WAU", "ENA", "F4", "N", 1.5),
    Model("Audi", "Q5", 2009, _STILL_BUILT, 1, "WA1", "BNA", "Y2", "2", 1.5),
    Model("Jeep", "Grand Cherokee", 2002, 2011, 2, "1J4", "RR4", "GP", "C"),
    Model("Jeep", "Grand Cherokee", 2012, _STILL_BUILT, 3, "1C4", "RJF", "GT", "C"),
    Model("Jeep", "Wrangler", 2012, _STILL_BUILT, 3, "1C4", "BJW", "GN", "L"),
    Model("Dodge", "Charger", 2012, 2023, 2, "2C3", "CDX", "GT", "H"),
    Model("Ram", "1500", 2013, _STILL_BUILT, 4, "1C6", "RR7", "TG", "S"),
    Model("Chrysler", "Pacifica", 2017, _STILL_BUILT, 2, "2C4", "RC1", "G7", "R"),
    Model("GMC", "Sierra 1500", 2014, _STILL_BUILT, 3, "3GT", "U2N", "EC", "G"),
    Model("Mazda", "CX-5", 2013, _STILL_BUILT, 3, "JM3", "KFB", "MD", "0"),
    Model("Mazda", "Mazda3", 2004, 2018, 2, "JM1", "BL1", "VU", "1"),
    Model("Lexus", "RX 350", 2010, _STILL_BUILT, 2, "2T2", "BZM", "AA", "C", 1.3),
    Model("Acura", "MDX", 2014, _STILL_BUILT, 2, "5J8", "YD4", "H5", "L", 1.2),
    Model("Tesla", "Model 3", 2018, _STILL_BUILT, 2, "5YJ", "3E1", "AB", "F", 1.2, Power.ELECTRIC),
    Model("Volvo", "XC60", 2010, _STILL_BUILT, 1, "YV4", "102", "RK", "2", 1.5),
)  # fmt: skip
