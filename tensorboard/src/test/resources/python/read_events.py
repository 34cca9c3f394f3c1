"""Prints what TensorBoard's own reader has of a folder: a line for each number and picture."""
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, IMAGES, SCALARS

events = EventAccumulator(sys.argv[1], size_guidance={SCALARS: 0, IMAGES: 0})
events.Reload()
for tag in sorted(events.Tags()["scalars"]):
    for event in events.Scalars(tag):
        print(tag, event.step, repr(event.value), repr(event.wall_time), sep="|")
for tag in sorted(events.Tags()["images"]):
    for event in events.Images(tag):
        print(tag, event.step, "%dx%d" % (event.width, event.height), repr(event.wall_time), sep="|")
