"""Settings of what exists and where it starts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from evo_hns.config.base import Settings, highest, lowest, ranged

VARIED = frozenset(
    {
        "box_door_distance",
        "door_dropout",
        "door_size",
        "food_in_the_middle",
        "hider_placement",
        "hiders_together_radius",
        "outer_walls_probability",
        "ramp_wall_distance",
        "random_room_number",
        "seeker_placement",
        "seekers_together_radius",
    }
)
"""Settings that decide where things start, and nothing of what exists: worlds of one run may differ in them."""


class WorldConfig(Settings):
    """What exists and where it starts (Baker et al. 2020). Counts may be ranges, drawn anew for each world."""

    scenario: Literal["quadrant", "randomwalls", "three-rooms", "empty"] = "quadrant"
    """Wall layout: `quadrant` is one room in the corner, `randomwalls` up to `num_rooms` rooms anywhere, `three-rooms`
    half of the field and two parts of the other half, with ramps in each in turn, `empty` none but outer walls."""
    num_hiders: Annotated[int | tuple[int, int], ranged(int, 1, 8)] = 2
    """Hiders in each world."""
    num_seekers: Annotated[int | tuple[int, int], ranged(int, 0, 8)] = 2
    """Seekers in each world; none where a task has a single team."""
    num_boxes: Annotated[int | tuple[int, int], ranged(int, 0, 20)] = 2
    """Boxes in each world; in the quadrant they start in the room."""
    num_elongated_boxes: Annotated[int | tuple[int, int], ranged(int, 0, 20)] = 0
    """How many of the boxes are elongated (3.3 times as long, 0.3 times as wide)."""
    num_ramps: Annotated[int | tuple[int, int], ranged(int, 0, 8)] = 1
    """Ramps in each world; they start anywhere."""
    floor_size: Annotated[float | tuple[float, float], ranged(float, 2.0, 30.0)] = 6.0
    """Edge of the square field, metres."""
    grid_size: int = Field(30, ge=12, le=120)
    """Placement cells along the edge of the field."""
    box_size: float = Field(0.5, gt=0.0, le=2.0)
    """Edge of a cube, metres."""
    free_box_rotation: bool = False
    """Boxes can tip over; otherwise they turn about the vertical only."""
    door_size: int = Field(2, ge=0)
    """Width of a door in cells (the gap is one and a half cells wider); 0 closes the rooms."""
    door_dropout: float = Field(0.5, ge=0.0, le=1.0)
    """Probability that only one of the quadrant room's two walls has a door."""
    num_rooms: int = Field(4, ge=1, le=12)
    """Rooms into which random walls divide the field."""
    random_room_number: bool = True
    """Draw the number of rooms from 1 to `num_rooms`."""
    outer_walls_probability: float = Field(1.0, ge=0.0, le=1.0)
    """Probability that a world with random walls keeps its outer walls; the field is open without them."""
    low_outer_walls: bool = False
    """Outer walls are as low as inner ones (0.5 m instead of 4 m)."""
    hider_placement: Literal["uniform", "quadrant"] = "uniform"
    """Where hiders start in the quadrant scenario: anywhere, or in the room."""
    seeker_placement: Literal["outside", "quadrant"] = "outside"
    """Where seekers start in the quadrant scenario: outside the room, or in it."""
    box_door_distance: float | None = Field(None, gt=0.0)
    """Quadrant scenario: boxes start in the room within this distance of a door, along it and across, metres."""
    ramp_wall_distance: float | None = Field(None, gt=0.0)
    """Quadrant scenario: ramps start outside the room within this distance of its walls, metres."""
    hiders_together_radius: float | None = Field(None, gt=0.0)
    """Random walls: all hiders start within this distance of the first, metres."""
    seekers_together_radius: float | None = Field(None, gt=0.0)
    """Random walls: all seekers start within this distance of the first, metres."""
    cylinder_diameter: Annotated[float | tuple[float, float], ranged(float, 0.0, 5.0)] = 0.0
    """Of a solid cylinder about the middle of the field, metres; a range is drawn from. 0: there is none."""
    cylinder_height: float = Field(0.5, gt=0.0, le=4.0)
    """Height of that cylinder, metres."""
    num_sites: Annotated[int | tuple[int, int], ranged(int, 0, 8)] = 0
    """Construction sites in each world, each of the size of a box; nothing collides with them."""
    num_food: int = Field(0, ge=0, le=16)
    """Food items in each world; a game with food has the rules of `rules.food`."""
    food_size: float = Field(0.1, gt=0.0, le=1.0)
    """Edge of a food item's place, metres; nothing collides with it."""
    food_in_the_middle: bool = False
    """Random walls: food starts in the middle quarter of the field; otherwise anywhere (quadrant: in the room)."""
    food_together_radius: float | None = Field(None, gt=0.0)
    """Items of a cluster start within this distance of its first, metres."""
    num_food_clusters: int = Field(1, ge=1)
    """Clusters that the food forms if there is a `food_together_radius`."""
    box_floor_friction: float = Field(0.2, gt=0.0)
    """Sliding friction of floor and boxes."""
    other_friction: float = Field(0.01, gt=0.0)
    """Sliding friction of agents, ramps and the quadrant's walls (random walls have 1)."""
    gravity: float = Field(-50.0, lt=0.0)
    """Vertical acceleration, m/s^2."""

    @property
    def max_hiders(self) -> int:
        """Places for hiders."""
        return highest(self.num_hiders)

    @property
    def max_seekers(self) -> int:
        """Places for seekers."""
        return highest(self.num_seekers)

    @property
    def max_agents(self) -> int:
        """Places for agents, hiders first."""
        return self.max_hiders + self.max_seekers

    @property
    def max_boxes(self) -> int:
        """Places for boxes."""
        return highest(self.num_boxes)

    @property
    def max_ramps(self) -> int:
        """Places for ramps."""
        return highest(self.num_ramps)

    @property
    def max_sites(self) -> int:
        """Places for construction sites."""
        return highest(self.num_sites)

    @property
    def has_cylinder(self) -> bool:
        """There is a cylinder in each world."""
        ends = self.cylinder_diameter if isinstance(self.cylinder_diameter, tuple) else (self.cylinder_diameter,)
        return max(ends) > 0.0

    @property
    def has_elongated_boxes(self) -> bool:
        """Some worlds may have elongated boxes."""
        return highest(self.num_elongated_boxes) > 0

    @property
    def has_ranges(self) -> bool:
        """Worlds differ in how many agents, boxes or ramps they have."""
        counts = (self.num_hiders, self.num_seekers, self.num_boxes, self.num_ramps)
        return any(isinstance(count, tuple) for count in counts)

    @model_validator(mode="after")
    def _check_counts(self) -> WorldConfig:
        """Refuse more elongated boxes than boxes, places that are not there, and clusters that the food cannot form."""
        if lowest(self.num_elongated_boxes) > lowest(self.num_boxes):
            raise ValueError(
                f"got at least {lowest(self.num_elongated_boxes)} elongated boxes of at least "
                f"{lowest(self.num_boxes)} boxes: raise num_boxes or lower num_elongated_boxes"
            )
        near = self.box_door_distance, self.ramp_wall_distance
        if self.scenario != "quadrant" and (self.seeker_placement != "outside" or near != (None, None)):
            raise ValueError(
                f"got seeker_placement, box_door_distance or ramp_wall_distance and scenario {self.scenario!r}, they "
                "are of the quadrant's room: leave them out"
            )
        if self.food_together_radius is not None and self.num_food % self.num_food_clusters:
            raise ValueError(
                f"got {self.num_food} food items in {self.num_food_clusters} clusters, expected clusters of equal size"
            )
        return self
