"""Desktop floor: Qt windows over a Qt-free live model."""
