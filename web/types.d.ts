/** Shapes that the files of `web/skeleton/` and `web/attention/` hand to each other, for the TypeScript compiler and for readers. */

/** x and y in pixels of the canvas. */
type Point = number[];

/** null where one is missing; 18 joints, or the points of a hand or face. */
type Points = (Point | null)[];

interface Canvas {
	width: number;
	height: number;
}

interface Box {
	left: number;
	top: number;
	right: number;
	bottom: number;
}

/** The hands' 21 points and the face's 70, if there are any. */
interface Parts {
	handLeft: Points | null;
	handRight: Points | null;
	face: Points | null;
}

interface Person {
	points: Points;
	parts: Parts;
	/** What others wrote about the person, kept. */
	rest: Record<string, unknown>;
}

/** The way to the next keyframe. */
interface Step {
	/** How many frames later it comes. */
	frames: number;
	/** How the way is gone: a name of EASINGS. */
	easing: string;
}

/** A pose put by, in pixels of any canvas. */
interface KeptPose {
	name: string;
	points: Points;
}

/** What the editor's text says. */
interface Edit {
	canvas: Canvas;
	/** Keyframes; none: nothing is edited, only poses are kept. */
	frames: Person[][];
	/** One for each keyframe. */
	steps: Step[];
	loop: boolean;
	/** Frames a second of the playback. */
	rate: number;
	upstream: string | null;
	library: KeptPose[];
	/** OpenPose JSON in place of the editor's own form. */
	foreign: boolean;
}

/** What the block's last run said. */
interface PoseRun {
	/** The connected pose on the block's canvas. */
	start: object[] | null;
	/** Its fingerprint. */
	upstream: string | null;
	/** Of the block. */
	canvas?: Canvas;
	/** Whether the edit counted. */
	by_hand: boolean;
}

/** OpenPose JSON of one picture, in its own units. */
interface RawPicture {
	people: Person[];
	exact: boolean;
	canvas: Canvas | null;
}

interface StateOptions {
	/** Called with the new value after each change made in the editor. */
	onText(text: string): void;
	/** Called when something is to be drawn anew. */
	onShow(): void;
	/** The canvas when nothing states one. */
	fallbackCanvas(): Canvas;
	/** The one the block will put poses on; null where that is not known yet. */
	canvas?(): Canvas | null;
}

interface EditorOptions {
	/** Called with the new value after each change. */
	onChange(text: string): void;
	/** Called when live posing is switched. */
	onLive(on: boolean): void;
	/** Called when a pull has ended. */
	onRelease?(): void;
	/** The canvas when nothing states one. */
	fallbackCanvas(): Canvas;
	/** The one the block will put poses on; null where that is not known yet. */
	canvas?(): Canvas | null;
}

/** What the toolbar asks of others: all that goes beyond the pose. */
interface Actions {
	live(on: boolean): void;
	enlarge(): void;
}

/** What one pointer does from down to up. */
interface Gesture {
	move(event: PointerEvent): void;
	end?(): void;
	/** A second finger came: it was no pull. */
	cancel?(): void;
}

/** A place of the screen. */
interface Spot {
	clientX: number;
	clientY: number;
}

/** What keys do, by key. */
type Acts = Record<string, () => void>;

/** Of an element. */
type Attributes = Record<string, string | number>;

/**
 * Angles of the upper and the lower half of a limb in degrees from hanging straight down, outward (seen from the side:
 * forward) positive; then how much of each half's length is seen, 1 if left out.
 */
type Limb = number[];

/** What a pose of the library has beyond its name and its limbs. */
interface Drawing {
	/** Turned and side: to the right of the picture; front if left out. */
	view?: "front" | "turned" | "side" | "back";
	/** Of the trunk, degrees to the right of the picture. */
	lean?: number;
	/** The same for the head, on top of the trunk's. */
	head?: number;
	/** Of the whole body, degrees. */
	turn?: number;
	/** Of the lowest point above the ground, shares of the stature. */
	lift?: number;
}

/** A draft is small and quick, for while somebody pulls. */
type LiveKind = "draft" | "full";

/** The host's queue, as live posing uses it. */
interface Queue {
	/** Puts the graph as it is now into the queue; the prompt's id, null if refused. */
	send(kind: LiveKind): Promise<string | null>;
	/** Tells of prompts that ended, in whatever way; the answer ends the telling. */
	onEnd(listener: (promptId: string) => void): () => void;
}

/** The graph as the host takes it, subgraphs laid flat. */
type Prompt = Record<string, { class_type: string; inputs: Record<string, unknown> }>;

type Frame = import("./skeleton/geometry.js").Frame;
type EditorState = import("./skeleton/state.js").EditorState;
type Stage = import("./skeleton/stage.js").Stage;

type Maps = ReturnType<typeof import("./attention/maps.js").readMaps>;
type Side = "target" | "source";

/** Left, top, width and height in pixels. */
type MapBox = number[];

/** Which attention is shown; null: all of them, averaged. */
interface Choice {
	layer: number | null;
	head: number | null;
}

/** One side of a run of the network, in pixels. */
interface RunSide {
	/** Width and height. */
	canvas: Point;
	/** The part the network sees. */
	frame: MapBox;
	/** null: not there. */
	joints: Points;
	/** Addresses of what it looks like in each view. */
	pictures: string[];
}

/** What can be explored. */
interface AttentionRun {
	maps: Maps;
	/** Of the joints. */
	names: string[];
	target: RunSide;
	source: RunSide;
	/** Names of the views, first the images themselves. */
	views: string[];
}

/** Something that can be asked about. */
interface Place {
	side: Side;
	/** A point has no width and height. */
	box: MapBox;
	/** null: none. */
	joint: number | null;
}

/** A place that stays asked about. */
interface Pin extends Place {
	/** An index into COLOURS. */
	colour: number;
}

/** Where a place looked, or was looked at from. */
interface Answer {
	map: Float32Array;
	/** The peak in pixels of the other picture. */
	at: Point;
	share: number;
}

/** Ring: a pin's answer; peak: that of what is pointed to. */
type MarkKind = "pin" | "ring" | "peak" | "cursor" | "region";

/** Something drawn on a picture. */
interface Mark {
	kind: MarkKind;
	at: Point;
	colour: string;
	/** Outlined. */
	box?: MapBox | null;
	text?: string;
	/** Glows; later ones on top. */
	map?: Float32Array;
	strength?: number;
}

/** What the host's `/view` finds a file by. */
type FileEntry = Record<string, string>;

/** What Attention Preview sends to the page. */
interface AttentionOutput {
	dptn_attention: string[];
	dptn_pictures: FileEntry[];
}

/** A node of the front end: as much of it as is used here, which differs between its versions. */
interface HostNode {
	id: number | string;
	comfyClass?: string;
	size: number[];
	inputs?: { name: string; link: unknown }[];
	widgets?: { name: string; value?: any; callback?: (...given: any[]) => unknown }[];
	graph?: { change?(): void } | null;
	addDOMWidget(name: string, type: string, element: HTMLElement, options?: object): any;
	setSize?(size: number[]): void;
	onExecuted?: (output: any) => unknown;
	onRemoved?: (...given: any[]) => unknown;
	dptnEditor?: import("./skeleton/editor.js").SkeletonEditor;
}
