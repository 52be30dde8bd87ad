/**
 * Shapes that the files of `web/skeleton/` and `web/attention/` hand to each other, for the
 * TypeScript compiler and for readers.
 */

/**
 * x and y in pixels of the canvas, and a detector's confidence where that is below 1. What a hand
 * has placed is certain: it has two numbers.
 */
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

/** The hands' 21 points, the face's 70 and the feet's 3, if there are any. */
interface Parts {
	handLeft: Points | null;
	handRight: Points | null;
	face: Points | null;
	footLeft: Points | null;
	footRight: Points | null;
}

interface Person {
	points: Points;
	parts: Parts;
	/** What others wrote about the person, kept. */
	rest: Record<string, unknown>;
}

/** The transition to the next keyframe. */
interface Step {
	/** Frames until it comes. */
	duration: number;
	/** A name of EASINGS. */
	easing: string;
}

/** A pose kept in the workflow, in pixels of any canvas. */
interface KeptPose {
	name: string;
	points: Points;
	/** Hands, face and feet; absent where it has none. */
	parts?: Parts;
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
	/** It counts although another pose has been connected since. */
	keep: boolean;
	library: KeptPose[];
	/** OpenPose JSON in place of the editor's own form. */
	foreign: boolean;
}

/** What the node's last run returned. */
interface PoseRun {
	/** The connected pose on the node's canvas. */
	start: object[] | null;
	/** Its fingerprint. */
	upstream: string | null;
	/** Of the node. */
	canvas?: Canvas;
	/** Whether the edit counted. */
	by_hand: boolean;
}

/** One frame of OpenPose JSON, in its own units. */
interface RawFrame {
	people: Person[];
	exact: boolean;
	canvas: Canvas | null;
}

/** The artist's own poses, which all workflows share. */
interface PoseStore {
	load(): Promise<KeptPose[]>;
	save(poses: KeptPose[]): Promise<void>;
}

/** The host's files of its user. */
interface HostFiles {
	getUserData(file: string): Promise<Response>;
	storeUserData(file: string, data: unknown, options: { throwOnError: boolean }): Promise<unknown>;
}

/** The front end's root, as far as it is looked into. */
interface AppElement extends HTMLElement {
	__vue_app__?: {
		config: {
			globalProperties: { $pinia?: { _s?: Map<string, Record<string, unknown>> } };
		};
	};
}

/** What a tab shows that is loaded when it is opened. */
interface Tab extends Partial<Layer> {
	element: HTMLElement;
	render(): void;
}

/** What lies over the people on the stage while a tab is open. */
interface Layer {
	draw(unit: number): SVGElement[];
	/** What a press begins; null where nothing of the layer is meant. */
	begin(event: PointerEvent): Gesture | null;
}

/** What the artist decides, and what each answer does. */
interface Question {
	text: string;
	answers: Record<string, () => void>;
}

interface StateOptions {
	/** Called with the new value after each change made in the editor. */
	onText(text: string): void;
	/** Called when something is to be drawn anew. */
	onShow(): void;
	/** The canvas when nothing states one. */
	fallbackCanvas(): Canvas;
	/** The one the node will put poses on; null where that is not known yet. */
	canvas?(): Canvas | null;
}

interface EditorOptions {
	/** Called with the new value after each change. */
	onChange(text: string): void;
	/** Called when live posing is switched. */
	onLive(on: boolean): void;
	/** Called when a pull has ended. */
	onRelease?(): void;
	/** Called for Ctrl+Enter: run the workflow. */
	onQueue?(): void;
	/** Where the artist's own poses are kept, for all workflows. */
	poses?: PoseStore;
	/** The canvas when nothing states one. */
	fallbackCanvas(): Canvas;
	/** The one the node will put poses on; null where that is not known yet. */
	canvas?(): Canvas | null;
}

/** What the toolbar triggers outside the pose. */
interface Actions {
	live(on: boolean): void;
	enlarge(): void;
	/** Where the artist's own poses are kept, if there is such a place. */
	poses?: PoseStore;
}

/** What one pointer does from down to up. */
interface Gesture {
	move(event: PointerEvent): void;
	end?(): void;
	/** A second finger turned the pull into a pinch. */
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
 * Angles of the upper and the lower half of a limb in degrees from hanging straight down, outward
 * (seen from the side: forward) positive; then how much of each half's length is seen, 1 if left
 * out.
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
	/** Of the lowest point above the ground, fractions of the height. */
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

type EditorState = import("./skeleton/state.js").EditorState;
type Stage = import("./skeleton/stage.js").Stage;
type AttentionExplorer = import("./attention/explorer.mjs").AttentionExplorer;
type SkeletonEditor = import("./skeleton/editor.js").SkeletonEditor;
type Frame = import("./skeleton/geometry.js").Frame;

/** Changes one point. */
type Move = (point: Point) => Point;

/** Called during a gesture with where it began, where it is now, the event and the gesture. */
type MergedChange = (from: Point, to: Point, now: PointerEvent, gesture: object) => void;

type Maps = ReturnType<typeof import("./attention/maps.mjs").readMaps>;
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
	/** null: missing. */
	joints: Points;
	/** Addresses of its image in each view. */
	images: string[];
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

/** What a place attended to, or was attended from. */
interface Answer {
	map: Float32Array;
	/** The peak in pixels of the other image. */
	at: Point;
	fraction: number;
}

/** Ring: a pin's answer; peak: that of what is pointed to. */
type MarkKind = "pin" | "ring" | "peak" | "cursor" | "region";

/** Something drawn on an image. */
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

/** An image the host has: filename, subfolder and type. */
type HostImage = Record<string, string>;

/** What a run of one of our nodes returns to the page. */
interface HostOutput {
	images?: HostImage[];
	dptn_attention?: string[];
	dptn_pictures?: HostImage[];
	dptn_pose?: string[];
	dptn_background?: HostImage[];
}

interface HostWidget {
	tooltip?: string;
	name: string;
	value: unknown;
	serialize?: boolean;
	disabled?: boolean;
	options?: object;
	callback?(value: unknown): void;
}

/** As much of the host's node as is used here. */
interface HostNode {
	id: number | string;
	comfyClass?: string;
	size: number[];
	widgets?: HostWidget[];
	type?: string;
	/** 0: it runs; otherwise it is muted or bypassed. */
	mode?: number;
	inputs?: { name: string; link?: number | null }[];
	graph?: { change?(): void; id?: string; isRootGraph?: boolean } | null;
	/** Of a node that holds a graph. */
	subgraph?: HostGraph;
	setSize?(size: number[]): void;
	onExecuted?(output: HostOutput): void;
	onRemoved?(): void;
	onConnectionsChange?(...given: unknown[]): void;
	isInputConnected(slot: number): boolean;
	getInputNode(slot: number): HostNode | null;
	addDOMWidget(name: string, type: string, element: HTMLElement, options: object): HostWidget;
	/** Put there by dptn_skeleton.js. */
	dptnEditor?: SkeletonEditor;
}

/** A graph, in the host's versions. */
interface HostGraph {
	_nodes?: HostNode[];
	nodes?: HostNode[];
}

/** What the host's queue tells of a prompt. */
interface QueueEvent {
	prompt_id?: string;
	node?: string | number;
	output?: HostOutput;
	exec_info?: { queue_remaining: number };
}

/** Offsets from the middle of the body in fractions of the height; null: hidden in this view. */
interface View {
	shoulder: number;
	hip: number;
	nose: number | null;
	eyes: (number | null)[];
	ears: (number | null)[];
}
